"""Runs signatures through TensorFlow's C API, without Python's TensorFlow.

    python -I c_api.py JOB.json

The job is described in `job.py`. Arrays go to the graph as they are: no shape
is checked and no dtype cast at the feed, so that it sees what a client sends.
XLA is off, as on the server. Linux, with the library of TensorFlow's wheel.
"""

import ctypes
import math
import pathlib
import runpy

import numpy as np

#: `TF_Code`.
CODES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)

#: `TF_DataType` of NumPy's dtypes, by their names.
TYPES = {
    "float32": 1,
    "float64": 2,
    "int32": 3,
    "uint8": 4,
    "int16": 5,
    "int8": 6,
    "object": 7,  # strings
    "complex64": 8,
    "int64": 9,
    "bool": 10,
    "bfloat16": 14,
    "uint16": 17,
    "complex128": 18,
    "float16": 19,
    "uint32": 22,
    "uint64": 23,
}
STRING = TYPES["object"]

#: Bytes of a `TF_TString`, which holds short strings itself.
STRING_SIZE = 24

POINTER = ctypes.c_void_p


class CApiError(Exception):
    """What the C API answers.

    Args:
        code: Name of the `TF_Code`.
        message: Its message.
    """

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Output(ctypes.Structure):
    """`TF_Output`: one output of an operation."""

    _fields_ = [("operation", POINTER), ("index", ctypes.c_int)]


#: Functions, each with its result and its arguments.
FUNCTIONS = {
    "TF_NewStatus": (POINTER,),
    "TF_GetCode": (ctypes.c_int, POINTER),
    "TF_Message": (ctypes.c_char_p, POINTER),
    "TF_NewGraph": (POINTER,),
    "TF_NewSessionOptions": (POINTER,),
    "TF_LoadSessionFromSavedModel": (
        POINTER,
        POINTER,  # session options
        POINTER,  # run options
        ctypes.c_char_p,
        ctypes.POINTER(ctypes.c_char_p),
        ctypes.c_int,
        POINTER,  # graph
        POINTER,  # where the meta graph goes
        POINTER,  # status
    ),
    "TF_SessionRun": (
        None,
        POINTER,  # session
        POINTER,  # run options
        ctypes.POINTER(Output),
        ctypes.POINTER(POINTER),
        ctypes.c_int,
        ctypes.POINTER(Output),
        ctypes.POINTER(POINTER),
        ctypes.c_int,
        POINTER,  # target operations
        ctypes.c_int,
        POINTER,  # where the metadata goes
        POINTER,  # status
    ),
    "TF_GraphOperationByName": (POINTER, POINTER, ctypes.c_char_p),
    "TF_OperationNumOutputs": (ctypes.c_int, POINTER),
    "TF_AllocateTensor": (
        POINTER,
        ctypes.c_int,
        ctypes.POINTER(ctypes.c_int64),
        ctypes.c_int,
        ctypes.c_size_t,
    ),
    "TF_DeleteTensor": (None, POINTER),
    "TF_TensorType": (ctypes.c_int, POINTER),
    "TF_NumDims": (ctypes.c_int, POINTER),
    "TF_Dim": (ctypes.c_int64, POINTER, ctypes.c_int),
    "TF_TensorData": (POINTER, POINTER),
    "TF_StringInit": (None, POINTER),
    "TF_StringCopy": (None, POINTER, ctypes.c_char_p, ctypes.c_size_t),
    "TF_StringGetDataPointer": (POINTER, POINTER),
    "TF_StringGetSize": (ctypes.c_size_t, POINTER),
}


def load(job, disable_xla):
    """Loads the job's folder; see `job.main`."""
    library = ctypes.CDLL(job["library"])
    disable_xla(library)
    return Session(library, job["folder"], job["tags"]).run


def describe(error):
    """Code and message of an error of the C API, else of Python."""
    if isinstance(error, CApiError):
        return error.code, str(error)
    return type(error).__name__, str(error)


class Session:
    """A SavedModel in a session of the C API, until the process ends.

    Args:
        library: TensorFlow's C++ library, a `ctypes.CDLL`.
        folder: Folder of the SavedModel.
        tags: Tags of its graph.
    """

    def __init__(self, library, folder, tags):
        self.tf = library
        for name, (result, *arguments) in FUNCTIONS.items():
            function = getattr(self.tf, name)
            function.restype = result
            function.argtypes = arguments
        self.status = self.tf.TF_NewStatus()
        self.graph = self.tf.TF_NewGraph()
        self.session = self.tf.TF_LoadSessionFromSavedModel(
            self.tf.TF_NewSessionOptions(),
            None,
            folder.encode(),
            (ctypes.c_char_p * len(tags))(*[tag.encode() for tag in tags]),
            len(tags),
            self.graph,
            None,
            self.status,
        )
        self.check()

    def check(self):
        """Raises what the last call left in the status."""
        code = self.tf.TF_GetCode(self.status)
        if code:
            message = self.tf.TF_Message(self.status).decode("utf-8", "replace")
            raise CApiError(
                CODES[code] if code < len(CODES) else str(code), message
            )

    def run(self, feeds, fetches):
        """Runs the graph: from `{tensor name: array}` to `{key: array}`."""
        sources = [self.output(name) for name in feeds]
        sinks = [self.output(name) for name in fetches.values()]
        results = (POINTER * len(sinks))()
        tensors = []
        try:
            for array in feeds.values():
                tensors.append(self.to_tensor(array))
            self.tf.TF_SessionRun(
                self.session,
                None,
                (Output * len(sources))(*sources),
                (POINTER * len(tensors))(*tensors),
                len(tensors),
                (Output * len(sinks))(*sinks),
                results,
                len(sinks),
                None,
                0,
                None,
                self.status,
            )
            self.check()
            arrays = [self.to_array(tensor) for tensor in results]
            return dict(zip(fetches, arrays, strict=True))
        finally:
            # With the strings in them.
            for tensor in [*results, *tensors]:
                if tensor is not None:
                    self.tf.TF_DeleteTensor(tensor)

    def output(self, name):
        """Finds a tensor by a name such as `predict_image:0`."""
        operation_name, _, index = name.rpartition(":")
        operation = self.tf.TF_GraphOperationByName(
            self.graph, operation_name.encode()
        )
        if operation is None or (
            int(index) >= self.tf.TF_OperationNumOutputs(operation)
        ):
            raise CApiError("NOT_FOUND", f"The graph has no tensor {name}.")
        return Output(operation, int(index))

    def to_tensor(self, array):
        """Copies an array into a new `TF_Tensor`."""
        code = TYPES.get(array.dtype.name)
        if code is None:
            message = f"The probe has no type for the dtype {array.dtype}."
            raise CApiError("UNIMPLEMENTED", message)
        size = array.size * STRING_SIZE if code == STRING else array.nbytes
        tensor = self.tf.TF_AllocateTensor(
            code,
            (ctypes.c_int64 * array.ndim)(*array.shape),
            array.ndim,
            size,
        )
        data = self.tf.TF_TensorData(tensor)
        if code != STRING:
            contiguous = np.ascontiguousarray(array)
            ctypes.memmove(data, contiguous.ctypes.data, size)
            return tensor
        for row, string in enumerate(array.ravel()):
            place = data + row * STRING_SIZE
            self.tf.TF_StringInit(place)
            self.tf.TF_StringCopy(place, string, len(string))
        return tensor

    def to_array(self, tensor):
        """Copies a `TF_Tensor` into a new array."""
        code = self.tf.TF_TensorType(tensor)
        shape = tuple(
            self.tf.TF_Dim(tensor, axis)
            for axis in range(self.tf.TF_NumDims(tensor))
        )
        data = self.tf.TF_TensorData(tensor)
        if code == STRING:
            array = np.empty(shape, dtype=object)
            for row in range(math.prod(shape)):
                place = data + row * STRING_SIZE
                array.flat[row] = ctypes.string_at(
                    self.tf.TF_StringGetDataPointer(place),
                    self.tf.TF_StringGetSize(place),
                )
            return array
        array = np.empty(shape, dtype=_dtype(code))
        ctypes.memmove(array.ctypes.data, data, array.nbytes)
        return array


def _dtype(code):
    names = [name for name, value in TYPES.items() if value == code]
    if not names:
        message = f"The probe has no dtype for the type {code}."
        raise CApiError("UNIMPLEMENTED", message)
    if names == ["bfloat16"]:
        import ml_dtypes  # which TensorFlow brings along

        return ml_dtypes.bfloat16
    return names[0]


if __name__ == "__main__":
    shared = runpy.run_path(str(pathlib.Path(__file__).with_name("job.py")))
    shared["main"](load, describe)
