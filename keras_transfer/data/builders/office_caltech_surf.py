"""Office-Caltech-10, bags of visual words."""

from keras_transfer.data.builders.manual_builder import configs
from keras_transfer.data.builders.office_caltech import OfficeCaltech


class OfficeCaltechSurf(OfficeCaltech):
    """Ten classes of Office and Caltech-256: 800 counts of words, uint8."""

    name = "keras_transfer_office_caltech_surf"
    FILES = {
        "amazon": "amazon_SURF_L10.mat",
        "caltech": "Caltech10_SURF_L10.mat",
        "dslr": "dslr_SURF_L10.mat",
        "webcam": "webcam_SURF_L10.mat",
    }
    PAGE = (
        "https://github.com/jindongwang/transferlearning/tree/"
        "73cb050b7e8b969b9d0ebb04a9377aa033043eb2/code/BDA/data"
    )
    FEATURES = "Counts of 800 visual words for the images of ten classes."
    WIDTH = 800
    DTYPE = "uint8"
    BUILDER_CONFIGS = configs(FILES)
