# A Python of the tests' own: python_ready sets PYTHON, with what tests/clients/requirements.txt names.

python_ready() {
    need python3 python3 python3-venv
    local folder=target/python wanted
    wanted=$(sha256sum tests/clients/requirements.txt)
    PYTHON=$PWD/$folder/bin/python
    if [ "$(cat "$folder/installed" 2>/dev/null)" != "$wanted" ]; then
        python3 -m venv "$folder"
        "$PYTHON" -m pip install --quiet --disable-pip-version-check --requirement tests/clients/requirements.txt
        printf '%s\n' "$wanted" >"$folder/installed"
    fi
}
