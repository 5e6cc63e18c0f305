import subprocess
import sys


def run(script):
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


BEGIN = "import gc, sys; from functions.classify import coldstart; environ = {}; coldstart.begin(environ); "


def test_blas_gets_one_thread_unless_somebody_said_otherwise():
    script = BEGIN + "print(environ); environ = {'OPENBLAS_NUM_THREADS': '4'}; coldstart.begin(environ); print(environ)"
    assert "".join(run(script)) == "{'OPENBLAS_NUM_THREADS':'1'}{'OPENBLAS_NUM_THREADS':'4'}"


def test_garbage_is_collected_again_once_all_is_loaded_but_not_what_is_loaded():
    script = (
        BEGIN
        + "off = gc.isenabled(); import numpy; coldstart.end(); print(off, gc.isenabled(), gc.get_freeze_count() > 10_000)"
    )
    assert run(script) == ["False", "True", "True"]


def test_numpy_works_as_ever_but_for_docstrings_of_its_c_functions():
    script = (
        BEGIN + "import numpy as np; print(np.arange(6).reshape(2, 3).sum(0).tolist(), np.ndarray.sum.__doc__ is None)"
    )
    assert "".join(run(script)) == "[3,5,7]True"


def test_linear_algebra_is_loaded_when_it_is_asked_for():
    script = (
        BEGIN + "import numpy as np; coldstart.end(); before = type(sys.modules['numpy.linalg']).__name__; "
        "print(before, np.linalg.norm(np.array([3.0, 4.0])), np.linalg.det(np.eye(2)), "
        "np.roots([1, -2]).tolist(), issubclass(np.linalg.LinAlgError, ValueError), np.linalg.__file__ is not None)"
    )
    assert run(script) == ["_OnUse", "5.0", "1.0", "[2.0]", "True", "True"]


def test_a_class_of_linear_algebra_is_the_real_one_from_the_first():
    script = (
        BEGIN + "import numpy as np; coldstart.end(); "
        "error = np.linalg.LinAlgError; print(error is np.linalg.LinAlgError, error.__bases__[0].__name__)"
    )
    assert run(script) == ["True", "ValueError"]


def test_jmespath_is_loaded_when_it_is_asked_for():
    script = (
        BEGIN + "from aws_lambda_powertools.logging import Logger; before = 'jmespath' in sys.modules; "
        "from types import SimpleNamespace; logger = Logger(service='x'); "
        "context = SimpleNamespace(function_name='', memory_limit_in_mb=1, invoked_function_arn='', aws_request_id=''); "
        "logger.inject_lambda_context(lambda event, context: None, correlation_id_path='a.b')({'a': {'b': 'c'}}, context); "
        "print(before, 'jmespath' in sys.modules, logger.get_correlation_id())"
    )
    assert run(script) == ["False", "True", "c"]


def test_botocore_is_found_again_once_all_is_loaded():
    script = (
        BEGIN + "from aws_lambda_powertools.shared import user_agent; coldstart.end(); "
        "import botocore; print(user_agent.inject_header, botocore.__name__)"
    )
    assert run(script) == ["False", "botocore"]


def test_what_is_imported_already_stays_as_it_is():
    script = (
        "import numpy, aws_lambda_powertools, sys; before = dict(sys.modules); "
        "from functions.classify import coldstart; coldstart.begin({}); "
        "print(all(sys.modules[name] is module for name, module in before.items()))"
    )
    assert run(script) == ["True"]
