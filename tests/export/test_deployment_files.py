"""The files in `export/`: they parse, agree, and run against a stand-in."""

import base64
import json
import os
import pathlib
import py_compile
import re
import shutil
import subprocess
import sys

import pytest

from keras_transfer.export.versioning import models_config
from keras_transfer.export.versioning import text_proto
from tests.export.versioning.status_server import listening

EXPORT = pathlib.Path(__file__).parents[2] / "export"
YAML = [
    "compose.yaml",
    "kustomization.yaml",
    "kubernetes/deployment.yaml",
    "kubernetes/service.yaml",
    "kserve/inferenceservice.yaml",
]
SCRIPTS = ["ready.sh", "clients/predict.sh"]
CLIENTS = ["clients/predict_rest.py", "clients/predict_grpc.py"]
SERVERS = [
    "Dockerfile.cpu",
    "Dockerfile.gpu",
    "compose.yaml",
    "kubernetes/deployment.yaml",
]

#: Flags of tensorflow_model_server, from the list in
#: github.com/tensorflow/serving, tensorflow_serving/model_servers/main.cc.
FLAGS = {
    "allow_version_labels_for_unavailable_models",
    "batching_parameters_file",
    "enable_batching",
    "enable_model_warmup",
    "enable_per_model_batching_parameters",
    "enable_profiler",
    "enable_signature_method_name_check",
    "file_system_poll_wait_seconds",
    "flush_filesystem_caches",
    "grpc_channel_arguments",
    "grpc_max_threads",
    "grpc_socket_path",
    "load_retry_interval_micros",
    "max_num_load_retries",
    "model_base_path",
    "model_config_file",
    "model_config_file_poll_wait_seconds",
    "model_name",
    "monitoring_config_file",
    "num_load_threads",
    "num_request_iterations_for_warmup",
    "num_unload_threads",
    "per_process_gpu_memory_fraction",
    "platform_config_file",
    "port",
    "rest_api_enable_cors_support",
    "rest_api_num_threads",
    "rest_api_port",
    "rest_api_timeout_in_ms",
    "saved_model_tags",
    "ssl_config_file",
    "tensorflow_inter_op_parallelism",
    "tensorflow_intra_op_parallelism",
    "tensorflow_session_config_file",
    "tensorflow_session_parallelism",
    "version",
    "xla_cpu_compilation_enabled",
}
#: What every server of ours must be started with, and why it must.
NEEDED = {
    "--allow_version_labels_for_unavailable_models=true",
    "--enable_batching=true",
    "--enable_per_model_batching_parameters=true",
    "--max_num_load_retries=0",
}


def _text(name):
    return (EXPORT / name).read_text("utf-8")


def _code(name):
    """A file without its comment lines."""
    lines = _text(name).splitlines()
    return "\n".join(ln for ln in lines if not ln.lstrip().startswith("#"))


def _server_flags(name):
    """Our flags are all written with a value; Docker's are options before."""
    pattern = r"--(?:[a-z]+_[a-z_]+|port)=[^\s\",\]]+"
    return set(re.findall(pattern, _code(name)))


def _yaml(name):
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    return [*yaml.safe_load_all(_text(name))]


# === What the files say ===


@pytest.mark.parametrize("name", YAML)
def test_yaml_parses(name):
    documents = _yaml(name)
    assert all(isinstance(document, dict) for document in documents)


@pytest.mark.parametrize("name", [*SERVERS, "kserve/inferenceservice.yaml"])
def test_flags_are_those_of_the_server(name):
    found = _server_flags(name)
    names = {flag[2:].split("=")[0] for flag in found}
    assert names - FLAGS == set()
    expected = NEEDED
    if "kserve" in name:  # no config, so no labels
        expected = NEEDED - {
            "--allow_version_labels_for_unavailable_models=true"
        }
    assert expected <= found


def test_all_servers_are_started_alike():
    first, *others = (_server_flags(name) for name in SERVERS)
    assert "--model_config_file_poll_wait_seconds=5" in first
    assert "--rest_api_port=8501" in first
    assert len(first) == 10
    assert others == [first] * 3


def test_the_readme_explains_flags_that_exist_and_are_used():
    table = _text("README.md").split("## The server's flags")[1]
    table = table.split("\n## ")[0]
    flags = re.findall(r"`--([a-z_]+)(=[^`]*)?`", table)
    used = _server_flags("compose.yaml")
    assert len(flags) >= 6
    for name, value in flags:
        assert name in FLAGS
        assert any(flag.startswith(f"--{name}{value}") for flag in used)


def test_the_image_is_pinned_everywhere_alike():
    tags = set()
    for path in EXPORT.rglob("*"):
        inside = path.relative_to(EXPORT).parts
        if path.is_file() and "check" not in inside:
            text = path.read_text("utf-8")
            tags |= set(re.findall(r"tensorflow/serving:(\S+)", text))
            tags |= set(re.findall(r"runtimeVersion: (\S+)", text))
    numbers = {tag.removesuffix("-gpu") for tag in tags}
    assert len(numbers) == 1
    assert re.fullmatch(r"\d+\.\d+\.\d+", numbers.pop())
    assert "-gpu" in _code("Dockerfile.gpu")
    assert "-gpu" not in _code("Dockerfile.cpu")


def test_the_two_dockerfiles_differ_in_the_image_alone():
    cpu, gpu = (_code(f"Dockerfile.{kind}") for kind in ("cpu", "gpu"))
    assert gpu.replace("-gpu", "") == cpu


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_what_an_image_copies_is_there(kind):
    text = _code(f"Dockerfile.{kind}")
    names = re.findall(r"\bexport/(\S+)", text)
    assert len(names) == 3
    for name in names:
        assert (EXPORT / name).is_file()
        # and is used where it was copied to
        assert f"/config/{name}" in text
    assert "COPY served /models" in text


def test_what_compose_mounts_is_there():
    services = _yaml("compose.yaml")[0]["services"]
    for service in services.values():
        mounted = [line for line in service["volumes"] if line[0] == "."]
        assert len(mounted) == 3
        for line in mounted:
            source, target, mode = line.split(":")
            assert (EXPORT / source).is_file()
            assert target == f"/config/{pathlib.Path(source).name}"
            assert mode == "ro"
    assert services["serving-gpu"]["profiles"] == ["gpu"]
    assert services["serving-gpu"]["command"] == services["serving"]["command"]


def test_the_cluster_s_parts_fit_together():
    (deployment,) = _yaml("kubernetes/deployment.yaml")
    services = _yaml("kubernetes/service.yaml")
    (kustomization,) = _yaml("kustomization.yaml")
    for name in kustomization["resources"]:
        assert (EXPORT / name).is_file()
    (files,) = kustomization["configMapGenerator"]
    for name in files["files"]:
        assert (EXPORT / name).is_file()
    pod = deployment["spec"]["template"]
    labels = pod["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels
    (container,) = pod["spec"]["containers"]
    ports = {port["name"] for port in container["ports"]}
    for service in services:
        assert service["spec"]["selector"] == labels
        assert {p["targetPort"] for p in service["spec"]["ports"]} <= ports
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    mounts = {m["name"]: m["mountPath"] for m in container["volumeMounts"]}
    assert mounts == {"served": "/models", "files": "/config"}
    assert volumes["files"]["configMap"]["name"] == files["name"]
    for flag in container["args"]:
        path = flag.partition("=/config/")[2]
        assert not path or path in files["files"]
    path = pod["metadata"]["annotations"]["prometheus.io/path"]
    assert f'path: "{path}"' in _text("monitoring.config")


def test_readiness_is_never_the_http_code_alone():
    (deployment,) = _yaml("kubernetes/deployment.yaml")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    for probe in ("startupProbe", "readinessProbe"):
        command = container[probe]["exec"]["command"]
        assert command[:2] == ["bash", "/config/ready.sh"]
    (kserve,) = _yaml("kserve/inferenceservice.yaml")
    probe = kserve["spec"]["predictor"]["model"]["readinessProbe"]
    assert "AVAILABLE" in probe["exec"]["command"][-1]
    for name in SERVERS:
        assert "/config/ready.sh" in _code(name)
    for name in YAML:
        assert "httpGet" not in _code(name)


def test_the_example_config_is_read_and_has_labels():
    text = _text("models.config")
    (entry,) = models_config.read(text)
    assert entry.base_path == "/models/flowers"
    assert set(entry.labels) == {"stable", "previous"}
    assert set(entry.labels.values()) <= set(entry.versions)
    # It is as the command would write it.
    made = models_config.with_model(
        "", entry.name, entry.base_path, entry.versions, entry.labels
    )
    assert text.endswith(f"\n{made}")


def test_the_other_parameters_are_text_protos():
    (monitoring,) = text_proto.parse(_text("monitoring.config")).fields
    assert monitoring.name == "prometheus_config"
    assert monitoring.values[0].values("enable") == ["true"]
    batching = text_proto.parse(_text("batching_parameters.txt"))
    assert [field.name for field in batching.fields] == ["num_batch_threads"]


def test_links_of_the_readme_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", _text("README.md"))
    assert len(links) > 10
    for link in links:
        assert (EXPORT / link).exists(), link


def test_every_file_is_in_the_readme():
    text = _text("README.md")
    names = {
        path.name
        for path in EXPORT.rglob("*")
        if path.is_file()
        and path.parent.name not in ("check", "__pycache__")
        and path.name != "README.md"
    }
    assert {name for name in names if name not in text} == set()


# === What the files do ===


@pytest.mark.parametrize("name", SCRIPTS)
def test_shell_scripts_parse_and_can_be_started(name):
    _need("bash")
    subprocess.run(["bash", "-n", EXPORT / name], check=True)
    assert os.access(EXPORT / name, os.X_OK)


@pytest.mark.parametrize("name", CLIENTS)
def test_python_clients_compile(name, tmp_path):
    py_compile.compile(
        str(EXPORT / name), str(tmp_path / "compiled.pyc"), doraise=True
    )


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "my image.png"
    path.write_bytes(bytes(range(256)) * 300)  # longer than one line of base64
    return path


class _Predictions:
    """Answers `predict` as the server does; keeps what it was asked."""

    def __init__(self, outputs, status=200):
        self.outputs = outputs
        self.status = status
        self.path = None
        self.request = None

    def __call__(self, path, body):
        self.path = path
        self.request = json.loads(body)
        if self.status != 200:
            return self.status, {"error": "image_bytes: row 0 is no image"}
        return 200, {"outputs": self.outputs}


OUTPUTS = {"classes": ["rose", "tulip"], "scores": [[0.9, 0.1], [0.2, 0.8]]}


def test_the_rest_client(image):
    answer = _Predictions(OUTPUTS)
    with listening(answer) as server:
        run = _python(
            "clients/predict_rest.py",
            "my flowers",
            image,
            image,
            "--server",
            f"http://{server}",
        )
    assert run.returncode == 0, run.stderr
    assert answer.path == "/v1/models/my%20flowers/labels/stable:predict"
    assert answer.request["signature_name"] == "image_bytes"
    assert len(answer.request["inputs"]["image_bytes"]) == 2
    assert _decoded(answer) == image.read_bytes()
    assert [json.loads(line) for line in run.stdout.splitlines()] == [
        {"image": str(image), "classes": "rose", "scores": [0.9, 0.1]},
        {"image": str(image), "classes": "tulip", "scores": [0.2, 0.8]},
    ]


def test_the_rest_client_with_one_output_without_a_name(image):
    with listening(_Predictions([[0.5, 0.5]])) as server:
        run = _python(
            "clients/predict_rest.py",
            "flowers",
            image,
            "--server",
            f"http://{server}",
        )
    assert json.loads(run.stdout)["output"] == [0.5, 0.5]


def test_the_rest_client_tells_what_the_server_says(image, tmp_path):
    with listening(_Predictions(OUTPUTS, 400)) as server:
        run = _python(
            "clients/predict_rest.py",
            "flowers",
            image,
            "--server",
            f"http://{server}",
        )
    assert run.returncode == 1
    assert "answers 400" in run.stderr
    assert "row 0 is no image" in run.stderr
    for arguments in (
        [image, "--server", "http://127.0.0.1:9"],
        [tmp_path / "none.png"],
    ):
        run = _python("clients/predict_rest.py", "flowers", *arguments)
        assert run.returncode == 1
        assert run.stderr.count("\n") == 1


def test_the_shell_client(image, tmp_path):
    _need("bash", "curl", "base64")
    answer = _Predictions({"classes": ["rose"], "scores": [[1.0]]})
    with listening(answer) as server:
        run = _bash("clients/predict.sh", "flowers", image, f"http://{server}")
        assert run.returncode == 0, run.stderr
        assert json.loads(run.stdout)["outputs"]["classes"] == ["rose"]
        assert answer.path == "/v1/models/flowers/labels/stable:predict"
        assert _decoded(answer) == image.read_bytes()
        request = tmp_path / "request.json"
        request.write_text('{"inputs": {"image": [[1, 2]]}}')
        run = _bash(
            "clients/predict.sh",
            "flowers",
            request,
            f"http://{server}",
            LABEL="canary",
        )
        assert run.returncode == 0, run.stderr
        assert answer.path == "/v1/models/flowers/labels/canary:predict"
        assert answer.request == {"inputs": {"image": [[1, 2]]}}


def test_the_shell_client_fails_with_what_the_server_says(image, tmp_path):
    _need("bash", "curl", "base64")
    with listening(_Predictions({}, 400)) as server:
        run = _bash("clients/predict.sh", "flowers", image, f"http://{server}")
    assert run.returncode != 0
    assert "row 0 is no image" in run.stdout
    run = _bash("clients/predict.sh", "flowers", tmp_path / "none.png")
    assert (run.returncode, run.stdout) == (2, "")
    assert "cannot read" in run.stderr
    assert _bash("clients/predict.sh").returncode == 2


@pytest.mark.slow
def test_the_grpc_client(image):
    pytest.importorskip(
        "tensorflow_serving.apis.predict_pb2",
        reason="the extra `serving` is not installed",
    )
    from concurrent import futures

    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2
    from tensorflow_serving.apis import prediction_service_pb2_grpc

    class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request, context):
            self.request = request
            if request.model_spec.name != "flowers":
                context.abort(grpc.StatusCode.NOT_FOUND, "no such model")
            answer = predict_pb2.PredictResponse()
            for name, values in OUTPUTS.items():
                answer.outputs[name].CopyFrom(tf.make_tensor_proto(values))
            return answer

    service = Service()
    server = grpc.server(futures.ThreadPoolExecutor(1))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        service, server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        place = ("--server", f"127.0.0.1:{port}")
        run = _python(
            "clients/predict_grpc.py", "flowers", image, image, *place
        )
        wrong = _python("clients/predict_grpc.py", "birds", image, *place)
    finally:
        server.stop(None)
    assert run.returncode == 0, run.stderr
    first, second = (json.loads(line) for line in run.stdout.splitlines())
    assert first["classes"] == "rose"
    assert second["scores"] == pytest.approx([0.2, 0.8])
    assert wrong.returncode == 1
    assert "NOT_FOUND: no such model" in wrong.stderr


def test_the_grpc_client_asks_for_the_label():
    text = _code("clients/predict_grpc.py")
    assert "model_spec.version_label = label" in text
    assert 'default="stable"' in text


@pytest.mark.parametrize(
    ("state", "status", "is_ready"),
    [("AVAILABLE", 200, True), ("END", 200, False), (None, 404, False)],
)
def test_readiness_reads_the_state(state, status, is_ready):
    _need("bash", "timeout")
    asked = []

    def answer(path, body):
        asked.append(path)
        if state is None:
            return status, {"error": 'model "AVAILABLE" not found'}
        found = {"version": "2", "state": state, "status": {}}
        return status, {"model_version_status": [found]}

    with listening(answer) as server:
        port = server.rpartition(":")[2]
        run = _bash("ready.sh", "flowers", "birds", PORT=port)
        assert (run.returncode == 0) is is_ready, run.stderr
        if not is_ready:
            assert "flowers/labels/stable is not available" in run.stderr
        run = _bash("ready.sh", "flowers", PORT=port, LABEL="")
        assert (run.returncode == 0) is is_ready
    assert asked[0] == "/v1/models/flowers/labels/stable"
    assert asked[-1] == "/v1/models/flowers"
    assert is_ready == ("/v1/models/birds/labels/stable" in asked)


def test_readiness_without_a_server_or_a_model():
    _need("bash", "timeout")
    assert _bash("ready.sh", "flowers", PORT="9").returncode != 0
    assert _bash("ready.sh").returncode == 2


@pytest.mark.parametrize(("state", "status"), [("AVAILABLE", 0), ("END", 1)])
def test_the_probe_of_kserve_reads_the_state(state, status):
    _need("bash", "timeout")
    (kserve,) = _yaml("kserve/inferenceservice.yaml")
    probe = kserve["spec"]["predictor"]["model"]["readinessProbe"]
    bash, option, script = probe["exec"]["command"]

    def answer(path, body):
        assert path == "/v1/models/flowers"
        return 200, {"model_version_status": [{"state": state}]}

    with listening(answer) as server:
        script = script.replace("8080", server.rpartition(":")[2])
        run = subprocess.run([bash, option, script], check=False)
    assert run.returncode == status


def _decoded(answer):
    encoded = answer.request["inputs"]["image_bytes"][0]["b64"]
    return base64.b64decode(encoded, validate=True)


def _need(*programs):
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


def _python(name, *arguments):
    return _run([sys.executable, EXPORT / name, *arguments])


def _bash(name, *arguments, **environment):
    return _run(["bash", EXPORT / name, *arguments], **environment)


def _run(command, **environment):
    return subprocess.run(
        [*map(str, command)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
    )
