"""Office-Caltech-10, features of GoogLeNet."""

from keras_transfer.data.builders.manual_builder import configs
from keras_transfer.data.builders.office_caltech import OfficeCaltech


class OfficeCaltechGooglenet(OfficeCaltech):
    """Ten classes of Office and Caltech-256: 1,024 features, float32."""

    name = "keras_transfer_office_caltech_googlenet"
    FILES = {
        "amazon": "GoogleNet1024/amazon.mat",
        "caltech": "GoogleNet1024/caltech10.mat",
        "dslr": "GoogleNet1024/dslr.mat",
        "webcam": "GoogleNet1024/webcam.mat",
    }
    PAGE = (
        "https://github.com/LeoGautheron/OfficeCaltechDomainAdaptation/tree/"
        "master/features/GoogleNet1024"
    )
    FEATURES = "Activations of GoogLeNet for the images of ten classes."
    WIDTH = 1024
    DTYPE = "float32"
    BUILDER_CONFIGS = configs(FILES)
