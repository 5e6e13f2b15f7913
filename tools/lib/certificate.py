# SPDX-License-Identifier: MIT
"""Certificates for an hour's use, made by openssl."""
import os
import subprocess


def certificate(folder, name, host):
    """One for an IP address that is its own authority, and its key. Returns their paths."""
    crt, key = (os.path.join(folder, name + ending) for ending in (".crt", ".key"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "30", "-subj", "/CN=" + name, "-addext", "subjectAltName=IP:" + host, "-keyout", key,
                    "-out", crt], capture_output=True, check=True)
    os.chmod(key, 0o600)
    return crt, key
