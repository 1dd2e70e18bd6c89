#!/bin/sh
# What must be on the machine before `make`: Python 3.11 with venv, make, and the system libraries that bpy links to.
#   prerequisites.sh check       say what is missing and the line that mends it; exit status 1 when anything is
#   prerequisites.sh packages    print the Debian packages that would mend it
#   prerequisites.sh python 3.11 print a working interpreter of that version that can make environments; status 1 if none
#   prerequisites.sh torch-index print the index of torch's CPU builds where no other build would be of use
set -u

# library=Debian package, for every system library that bpy 4.5 and 5.2 ask for (ldd over their wheels) beyond libc's own.
LIBRARIES="libX11.so.6=libx11-6 libXi.so.6=libxi6 libXfixes.so.3=libxfixes3 libXrender.so.1=libxrender1
libXext.so.6=libxext6 libxkbcommon.so.0=libxkbcommon0 libSM.so.6=libsm6 libICE.so.6=libice6 libXt.so.6=libxt6
libGL.so.1=libgl1 libOpenGL.so.0=libopengl0"

# A shim of a version manager may be on PATH and yet not run, and Debian's Python may lack ensurepip: so each is tried.
works() {
    "$1" -c "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != tuple(map(int, '$2'.split('.'))))" \
        >/dev/null 2>&1
}

find_python() {
    for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1"*/bin/"python$1" "/usr/bin/python$1" \
        "/usr/local/bin/python$1" "/opt/homebrew/bin/python$1"; do
        if works "$candidate" "$1"; then
            command -v "$candidate"
            return 0
        fi
    done
    if command -v uv >/dev/null 2>&1; then
        candidate=$(uv python find --no-python-downloads --no-project "$1" 2>/dev/null) || return 1
        if works "$candidate" "$1"; then
            echo "$candidate"
            return 0
        fi
    fi
    return 1
}

missing_libraries() {
    [ "$(uname -s)" = Linux ] || return 0
    # One word a library.
    # shellcheck disable=SC2086
    "$1" -c '
import ctypes, sys
for pair in sys.argv[1:]:
    try:
        ctypes.CDLL(pair.split("=")[0])
    except OSError:
        print(pair)' $LIBRARIES
}

missing_packages() {
    if python=$(find_python 3.11); then
        missing_libraries "$python" | sed 's/.*=//'
    else
        echo python3.11-venv
        for pair in $LIBRARIES; do echo "${pair#*=}"; done
    fi
    command -v make >/dev/null 2>&1 || echo make
}

check() {
    packages=$(missing_packages | tr '\n' ' ')
    [ -n "$packages" ] || return 0
    echo "Vera Edit cannot be set up yet:" >&2
    if python=$(find_python 3.11); then
        for pair in $(missing_libraries "$python"); do
            echo "  - Blender needs the library ${pair%%=*}, which is not on this machine" >&2
        done
    else
        echo "  - no Python 3.11 that can make environments was found (python3.11 on PATH, pyenv, uv)" >&2
    fi
    command -v make >/dev/null 2>&1 || echo "  - make is not installed" >&2
    echo "On Debian 12 this line mends it (as root, or with sudo before apt-get):" >&2
    echo "  apt-get update && apt-get install -y $packages" >&2
    if [ -z "$python" ]; then
        echo "Where apt has no python3.11 (Ubuntu, newer Debian): pyenv install 3.11, or uv python install 3.11." >&2
    fi
    return 1
}

# Elsewhere than on Linux the usual index has the only build there is.
torch_index() {
    [ "$(uname -s)" = Linux ] || return 0
    if [ -e /dev/nvidiactl ] || command -v nvidia-smi >/dev/null 2>&1; then return 0; fi
    echo https://download.pytorch.org/whl/cpu
}

case "${1:-check}" in
check) check ;;
packages) missing_packages ;;
python) find_python "${2:?which version, as in 3.11}" ;;
torch-index) torch_index ;;
*)
    echo "usage: prerequisites.sh [check | packages | python VERSION | torch-index]" >&2
    exit 2
    ;;
esac
