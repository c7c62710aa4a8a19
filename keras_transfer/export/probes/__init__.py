"""Running an export as a server does, in a process without Keras."""

from keras_transfer.export.probes.run import Answer as Answer
from keras_transfer.export.probes.run import Call as Call
from keras_transfer.export.probes.run import ProbeError as ProbeError
from keras_transfer.export.probes.run import is_available as is_available
from keras_transfer.export.probes.run import run as run
from keras_transfer.export.probes.signatures import Signature as Signature
from keras_transfer.export.probes.signatures import TensorInfo as TensorInfo
from keras_transfer.export.probes.signatures import signatures as signatures
