"""From an adapted model to something a server loads."""

from keras_transfer.export.check import Check as Check
from keras_transfer.export.client.client import Client as Client
from keras_transfer.export.client.partial_failure import (
    PartialFailure as PartialFailure,
)
from keras_transfer.export.client.serving_error import (
    ServingError as ServingError,
)
from keras_transfer.export.difference import Difference as Difference
from keras_transfer.export.few_shot import save_few_shot as save_few_shot
from keras_transfer.export.report import Report as Report
from keras_transfer.export.save import save as save
from keras_transfer.export.verification_error import (
    VerificationError as VerificationError,
)
from keras_transfer.export.verify import verify as verify
from keras_transfer.export.versioning.server_config import (
    server_config as server_config,
)
from keras_transfer.export.versioning.versions import promote as promote
from keras_transfer.export.versioning.versions import prune as prune
from keras_transfer.export.versioning.versions import rollback as rollback
from keras_transfer.export.versioning.versions import versions as versions
