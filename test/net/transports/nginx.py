# SPDX-License-Identifier: MIT
"""nginx in front of members, set up by the block of docs/web.md: what the page says is what runs here.

Of the page's block only places are replaced: where it listens, its certificate, and the one member by as many as there are.
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import time

from harness import Failure
from agents import PATIENCE

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../docs/web.md")
AROUND = """{user}daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log info;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
{block}}}
"""


def page_block():
    """The block as it stands on the page."""
    with open(PAGE, encoding="utf-8") as file:
        return re.search(r"^```nginx\n(.*?)^```$", file.read(), re.M | re.S)[1]


def placed(block, listen, certificate, key, members):
    """The block with real places. members: {name: "address:port"}."""
    upstream = re.search(r"^upstream web-1 \{\n.*?^\}\n", block, re.M | re.S)[0]
    location = re.search(r"^    location /web-1/ \{\n.*?^    \}\n", block, re.M | re.S)[0]

    def for_each(piece):
        return "".join(piece.replace("web-1", name).replace("10.0.0.7:8001", at) for name, at in members.items())

    block = block.replace(upstream, for_each(upstream)).replace(location, for_each(location))
    for old, new in (("listen 443 ssl", f"listen {listen} ssl"), ("/etc/nginx/gossip.crt", certificate),
                     ("/etc/nginx/gossip.key", key)):
        if old not in block:
            raise Failure(f"{PAGE}: the block of nginx has no {old}")
        block = block.replace(old, new)
    return block


class Nginx:
    """One nginx with a worker, from start() to stop(). Its folder is the caller's to remove."""

    def __init__(self, folder, block):
        self.path = os.path.join(folder, "nginx.conf")
        self.log = os.path.join(folder, "nginx.log")
        self.process = None
        user = "user root;\n" if os.geteuid() == 0 else ""
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(AROUND.format(user=user, folder=folder, block=block))

    @staticmethod
    def missing():
        """What is not on this machine; empty where all is."""
        return " ".join(name for name in ("nginx", "openssl") if not shutil.which(name))

    def command(self, *more):
        return ["nginx", "-e", self.log, "-c", self.path, *more]

    def check(self):
        """Fails where nginx does not take it."""
        ended = subprocess.run(self.command("-t"), capture_output=True, text=True, check=False)
        if ended.returncode != 0 or "warn" in ended.stderr:
            raise Failure(f"nginx -t: {ended.stderr}")

    def start(self, address):
        """Returns once it listens at this (host, port)."""
        self.check()
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *self.command()], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0)
        end = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(address, timeout=PATIENCE).close()
                return
            except ConnectionRefusedError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise Failure(f"nginx does not listen: {self.said()}") from None
                time.sleep(0.01)

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def stop(self):
        """Ends it and its worker."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        if self.process:
            self.process.wait()
