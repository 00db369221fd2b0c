# SPDX-License-Identifier: Apache-2.0
"""One server of the fleet: a small root directory with its own sshd and nginx.

The root is made by server-root.sh and entered by chroot, so each host has the real paths:
/etc/nginx/nginx.conf, /etc/ssl/certferry/www, /run/nginx.pid. nginx starts as on a server
that never had a certificate: port 8080 only. Then the TLS site is written, as an
administrator would, naming files that certferry's first delivery will bring; the reload
of that delivery brings the site up.
"""

import contextlib
import hashlib
import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess

from net import can_connect, wait_for
from servers import Server

HERE = pathlib.Path(__file__).parent
SSH_PORT = 2222
TLS_PORT = 8443
SLOT = "/etc/ssl/certferry/www"

NGINX = """
user root;
worker_processes 1;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log notice;
events { worker_connections 64; }
http {
	access_log off;
	server { listen %(address)s:8080; return 200 "%(name)s\\n"; }
	include /etc/nginx/conf.d/*.conf;
}
"""

SITE = """
server {
	listen %(address)s:%(port)d ssl;
	ssl_certificate %(slot)s/fullchain.pem;
	ssl_certificate_key %(slot)s/privkey.pem;
	return 200 "%(name)s\\n";
}
"""

SSHD = """
Port 2222
ListenAddress %(address)s
HostKey /etc/ssh/ssh_host_key
PidFile /run/sshd.pid
AuthorizedKeysFile .ssh/authorized_keys
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
LogLevel DEBUG1
MaxStartups 100
"""


def root_template(cache, flavour):
    """The root that hosts are copied from; made once."""
    template = pathlib.Path(cache) / f"root-{flavour}"
    if not (template / "etc" / "hosts").exists():
        subprocess.run([HERE / "server-root.sh", template, flavour], check=True)
    return template


def copy_program(root, name):
    """With the libraries that it is linked with, where they are not there yet."""
    program = shutil.which(name)
    listed = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    for path in [program, *(word for word in listed.split() if word.startswith("/"))]:
        target = pathlib.Path(root) / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copy(path, target)


class Host:
    def __init__(self, directory, name, address, cache, flavour="debian", user="root",
                 key_type="ed25519", slots=(SLOT,)):
        self.directory = pathlib.Path(directory)
        self.root = self.directory / "root"
        self.name, self.address, self.user = name, address, user
        self.key_type = key_type
        self.slots = list(slots)
        self.ports = {slot: TLS_PORT + n for n, slot in enumerate(self.slots)}
        self.sshd = Server(self.directory / "sshd")
        self.nginx = Server(self.directory / "nginx")
        self.make_root(root_template(cache, flavour))

    # Directories of which a host has a copy: what is written there is no other host's.
    copies = ("etc",)

    def make_root(self, template):
        """All else are hard links to the template's, and is made anew where it is written."""
        self.directory.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-al", template, self.root], check=True)
        for name in self.copies:
            shutil.rmtree(self.root / name)
            subprocess.run(["cp", "-a", template / name, self.root], check=True)

    # -- life

    def start(self, public_key):
        self.start_ssh_only(public_key)
        self.write("etc/nginx/nginx.conf",
                   NGINX % {"address": self.address, "name": self.name})
        (self.root / "etc/nginx/conf.d").mkdir(exist_ok=True)
        self.start_nginx()
        self.write_site()
        return self

    def start_ssh_only(self, public_key):
        self.make_host_key(self.key_type)
        self.write("etc/ssh/sshd_config", SSHD % {"address": self.address})
        self.authorize(public_key)
        self.start_sshd()

    def no_penalties(self):
        """OpenSSH 9.8 and later shuts out for a while who fails to log in again and again, or
        made a session crash: in sshd_config, before it starts."""
        said = subprocess.run(["/usr/sbin/sshd", "-V"], capture_output=True, text=True, check=False)
        version = re.search(r"OpenSSH_(\d+)\.(\d+)", said.stdout + said.stderr)
        if version and (int(version[1]), int(version[2])) >= (9, 8):
            with open(self.root / "etc/ssh/sshd_config", "a") as config:
                config.write("PerSourcePenalties no\n")

    def stop(self):
        self.sshd.stop()
        self.nginx.stop()

    def start_sshd(self):
        # One that was stopped just now may have forked a child, which then has its socket for a
        # moment more: nobody else could listen, and it would look as if somebody did.
        wait_for("sshd's port is free", lambda: not can_connect(self.address, SSH_PORT))
        self.sshd.spawn(["chroot", self.root, "/usr/sbin/sshd", "-D", "-e"],
                        lambda: can_connect(self.address, SSH_PORT))

    def force_command(self, program):
        """Whoever logs in, whatever for, speaks with this program alone."""
        config = self.root / "etc/ssh/sshd_config"
        config.write_text(config.read_text() + f"ForceCommand {program}\n")
        self.sshd.stop()
        self.start_sshd()

    def start_nginx(self):
        self.nginx.spawn(["chroot", self.root, "/usr/sbin/nginx", "-g", "daemon off;"],
                         lambda: can_connect(self.address, 8080))

    # -- what an administrator would do there

    def write(self, path, text, mode=0o644):
        target = self.root / path.lstrip("/")
        target.unlink(missing_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)

    def write_site(self, broken=False):
        text = ""
        for slot in self.slots:
            text += SITE % {"address": self.address, "name": self.name, "slot": slot,
                            "port": self.ports[slot]}
        if broken:
            text += "this is not a directive;\n"
        self.write("etc/nginx/conf.d/site.conf", text)

    def make_host_key(self, key_type):
        """A host key, as ssh-keygen -A would; replaces the one before."""
        self.key_type = key_type
        key = self.root / "etc/ssh/ssh_host_key"
        for path in (key, key.with_suffix(".pub")):
            path.unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", key_type, "-N", "", "-f", key], check=True)

    def fingerprint(self):
        done = subprocess.run(["ssh-keygen", "-l", "-f", self.root / "etc/ssh/ssh_host_key.pub"],
                              check=True, capture_output=True, text=True)
        return done.stdout.split()[1]

    def authorize(self, public_key):
        home = "root" if self.user == "root" else f"home/{self.user}"
        self.write(f"{home}/.ssh/authorized_keys", public_key + "\n", 0o600)
        if self.user != "root":
            subprocess.run(["chroot", self.root, "chown", "-R", f"{self.user}:{self.user}",
                            f"/{home}/.ssh"], check=True)

    # -- what is there

    def path(self, name, slot=SLOT):
        return self.root / slot.lstrip("/") / name

    def resolve(self, name, slot=SLOT):
        """The file behind the links, which are relative."""
        return self.path(name, slot).resolve()

    def installed_sha256(self, slot=SLOT):
        pem = self.resolve("cert.pem", slot).read_text()
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()

    def served_pem(self, slot=SLOT):
        try:
            return ssl.get_server_certificate((self.address, self.ports[slot]), timeout=20)
        except (OSError, ssl.SSLError):
            return None

    def served_sha256(self, slot=SLOT):
        pem = self.served_pem(slot)
        return pem and hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()

    def pair_matches(self, slot=SLOT):
        """The live certificate and key belong together."""
        def public(argv):
            return subprocess.run(argv, check=True, capture_output=True).stdout
        cert = public(["openssl", "x509", "-noout", "-pubkey", "-in", self.resolve("fullchain.pem", slot)])
        key = public(["openssl", "pkey", "-pubout", "-in", self.resolve("privkey.pem", slot)])
        return cert == key

    def generations(self, slot=SLOT):
        return sorted(p.name for p in self.path("", slot).glob("gen-*"))

    def authentications(self):
        """Lines of the real sshd that show a login being tried."""
        marks = ("userauth-request", "Accepted ", "Failed ", "Invalid user")
        return [line for line in self.sshd.log_text().splitlines()
                if any(mark in line for mark in marks)]

    def logins(self):
        return [line for line in self.sshd.log_text().splitlines() if "Accepted publickey" in line]

    def reloads(self):
        log = self.root / "var/log/nginx/error.log"
        return log.read_text().count("signal 1 (SIGHUP) received")

    def processes(self):
        """{process id: name} of what runs inside this root but sshd and nginx themselves."""
        keep = {p.process.pid for p in (self.sshd, self.nginx) if p.process}
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) in keep:
                continue
            try:
                name = (entry / "comm").read_text().strip()
                if (entry / "root").resolve() == self.root.resolve() and name != "nginx":
                    found[int(entry.name)] = name
            except OSError:
                continue
        return found

    def kill(self, *names):
        """SIGKILL to those of these names, to all without any."""
        for pid, name in self.processes().items():
            if name in names or not names:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def end_sessions(self):
        self.kill()

    def remove(self):
        shutil.rmtree(self.root, ignore_errors=True)
