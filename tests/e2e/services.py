# SPDX-License-Identifier: Apache-2.0
"""Hosts with the real services of Debian: what docs/services.md says, done.

Each service is one class: how it is configured for a pair of files, how it is started
without systemd, where its certificate is seen. A host starts them with a certificate that
somebody made by hand (the placeholder); then adopt() names certferry's files in their
configurations, as an administrator would who comes from another tool.
"""

import fcntl
import hashlib
import pathlib
import shutil
import ssl
import subprocess

from hosts import HERE, SLOT, Host, root_template
from net import can_connect, wait_for
from servers import Server

PLACEHOLDER = "/etc/ssl/placeholder"


def services_template(cache):
    """The root with all services; made once, by whichever process comes first."""
    template = pathlib.Path(cache) / "root-services"
    debian = root_template(cache, "debian")
    with open(pathlib.Path(cache) / "services.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (template / "done").exists():
            shutil.rmtree(template, ignore_errors=True)
            subprocess.run([HERE / "services-root.sh", debian, template], check=True)
            (template / "done").touch()
    return template


class Service:
    """ports: (port, what openssl s_client calls its protocol). install: as in the
    configuration, where the defaults do not do. test_fails: it has a test that sees a
    broken configuration."""

    name = None
    ports = ((443, None),)
    install = {}
    test_fails = True

    def __init__(self, host):
        self.host = host
        self.server = Server(host.directory / self.name)

    def configure(self, files, broken=False):
        raise NotImplementedError

    def argv(self):
        raise NotImplementedError

    def prepare(self):
        pass

    def show_log(self):
        for path in (self.host.root / "var/log").glob("*.log"):
            print(f"--- {path}", path.read_text()[-1500:])

    def start(self):
        self.prepare()
        self.server.spawn(["chroot", self.host.root, *self.argv()],
                          lambda: can_connect(self.host.address, self.ports[0][0]))

    def adopt(self, files):
        self.configure(files)

    def served_sha256(self, port, starttls, name):
        argv = ["openssl", "s_client", "-connect", f"{self.host.address}:{port}",
                "-servername", name]
        if starttls:
            argv += ["-starttls", starttls]
        shown = subprocess.run(argv, input="", capture_output=True, text=True, timeout=60)
        if "-----BEGIN CERTIFICATE-----" not in shown.stdout:
            return None
        pem = shown.stdout[shown.stdout.index("-----BEGIN CERTIFICATE-----"):]
        pem = pem[:pem.index("-----END CERTIFICATE-----") + 26]
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()

    def all_served(self, name="example.org"):
        seen = {self.served_sha256(port, starttls, name) for port, starttls in self.ports}
        if None in seen:
            self.show_log()
        return seen


class Apache(Service):
    name = "apache2"

    def configure(self, files, broken=False):
        host = self.host
        for module in ("ssl.load", "socache_shmcb.load"):
            host.write(f"etc/apache2/mods-enabled/{module}",
                       (host.root / "etc/apache2/mods-available" / module).read_text())
        host.write("etc/apache2/ports.conf", f"Listen {host.address}:443\n")
        host.write("etc/apache2/sites-enabled/000-default.conf", f"""
ServerName {host.name}
<VirtualHost *:443>
	SSLEngine on
	SSLCertificateFile {files}/fullchain.pem
	SSLCertificateKeyFile {files}/privkey.pem
</VirtualHost>
""" + ("ThisIsNoDirective\n" if broken else ""))

    def argv(self):
        return ["/usr/sbin/apache2ctl", "-D", "FOREGROUND"]


class Haproxy(Service):
    name = "haproxy"

    def configure(self, files, broken=False):
        self.host.write("etc/haproxy/haproxy.cfg", f"""
global
	chroot /var/lib/haproxy
	user haproxy
	group haproxy
defaults
	mode http
	timeout connect 5s
	timeout client 50s
	timeout server 50s
frontend www
	bind {self.host.address}:443 ssl crt {files}/combined.pem
	http-request return status 200
""" + ("this is no keyword\n" if broken else ""))

    def argv(self):
        return ["/usr/sbin/haproxy", "-W", "-f", "/etc/haproxy/haproxy.cfg", "-p",
                "/run/haproxy.pid"]


class Postfix(Service):
    name = "postfix"
    ports = ((25, "smtp"),)

    def configure(self, files, broken=False):
        host = self.host
        host.write("etc/postfix/main.cf", f"""
compatibility_level = 3.6
myhostname = {host.name}.example.org
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
maillog_file = /var/log/postfix.log
smtpd_tls_chain_files = {files}/privkey.pem, {files}/fullchain.pem
smtpd_tls_security_level = may
tls_server_sni_maps = texthash:/etc/postfix/sni
""" + ("queue_directory = /no/such\n" if broken else ""))
        # inet_interfaces takes addresses of interfaces only; of 127.0.0.0/8 there is one.
        master = (host.root / "etc/postfix/master.cf").read_text()
        host.write("etc/postfix/master.cf",
                   master.replace("\nsmtp      inet", f"\n{host.address}:25 inet"))
        # By name as well: the map's value is the list of files, read when smtpd starts.
        host.write("etc/postfix/sni", f"example.org {files}/privkey.pem, {files}/fullchain.pem\n")

    def argv(self):
        return ["/usr/sbin/postfix", "start-fg"]


class Dovecot(Service):
    name = "dovecot"
    ports = ((993, None), (143, "imap"), (110, "pop3"))

    def configure(self, files, broken=False):
        is_new = "2.4" in subprocess.run(["dovecot", "--version"], capture_output=True,
                                         text=True).stdout[:3]
        names = (f"ssl_server_cert_file = {files}/fullchain.pem\n"
                 f"ssl_server_key_file = {files}/privkey.pem\n"
                 "dovecot_config_version = 2.4.0\ndovecot_storage_version = 2.4.0\n") \
            if is_new else f"ssl_cert = <{files}/fullchain.pem\nssl_key = <{files}/privkey.pem\n"
        first, rest = ([line for line in names.splitlines() if line.startswith("dovecot_")],
                       [line for line in names.splitlines() if not line.startswith("dovecot_")])
        # Without a way to log in, auth ends, and STARTTLS waits for it.
        rest.append("passdb static {\n  password = x\n}" if is_new else
                    "passdb {\n  driver = static\n  args = password=x\n}")
        self.host.write("etc/dovecot/dovecot.conf", "\n".join(first) + f"""
protocols = imap pop3
listen = {self.host.address}
log_path = /var/log/dovecot.log
ssl = yes
""" + "\n".join(rest) + "\n" + ("no_such_setting = yes\n" if broken else ""))

    def argv(self):
        return ["/usr/sbin/dovecot", "-F"]


class Lighttpd(Service):
    name = "lighttpd"
    install = {"group": "www-data"}

    def configure(self, files, broken=False):
        self.host.write("etc/lighttpd/lighttpd.conf", f"""
server.modules = ( "mod_openssl" )
server.document-root = "/var/www/html"
server.errorlog = "/var/log/lighttpd/error.log"
server.pid-file = "/run/lighttpd.pid"
server.username = "www-data"
server.groupname = "www-data"
server.bind = "{self.host.address}"
server.port = 443
ssl.engine = "enable"
ssl.pemfile = "{files}/fullchain.pem"
ssl.privkey = "{files}/privkey.pem"
""" + ("this is no directive\n" if broken else ""))

    def prepare(self):
        for path in ("var/www/html", "var/log/lighttpd"):
            (self.host.root / path).mkdir(parents=True, exist_ok=True)
            shutil.chown(self.host.root / path, 33, 33)

    def argv(self):
        return ["/usr/sbin/lighttpd", "-D", "-f", "/etc/lighttpd/lighttpd.conf"]


class Postgresql(Service):
    name = "postgresql"
    ports = ((5432, "postgres"),)
    install = {"owner": "postgres", "mode": "0600"}

    @property
    def cluster(self):
        return sorted(pathlib.Path("/usr/lib/postgresql").iterdir())[-1]

    def configure(self, files, broken=False):
        self.host.write("var/lib/postgresql/data/postgresql.conf", f"""
listen_addresses = '{self.host.address}'
unix_socket_directories = '/run/postgresql'
external_pid_file = '/run/postgresql/{self.cluster.name}-main.pid'
dynamic_shared_memory_type = mmap
shared_buffers = 1MB
max_connections = 10
fsync = off
log_destination = stderr
ssl = on
ssl_cert_file = '{files}/fullchain.pem'
ssl_key_file = '{files}/privkey.pem'
""" + ("no_such_setting = yes\n" if broken else ""))
        shutil.chown(self.host.root / "var/lib/postgresql/data/postgresql.conf",
                     self.uid(), self.uid())

    def uid(self):
        return int(subprocess.run(["id", "-u", "postgres"], capture_output=True, text=True,
                                  check=True).stdout)

    def run_as(self, *argv):
        return ["/usr/sbin/runuser", "-u", "postgres", "--", *argv]

    def prepare(self):
        host = self.host
        data = host.root / "var/lib/postgresql/data"
        for path in (host.root / "run/postgresql", host.root / "var/lib/postgresql"):
            path.mkdir(parents=True, exist_ok=True)
            shutil.chown(path, self.uid(), self.uid())
        (host.root / "dev/shm").mkdir(exist_ok=True, mode=0o1777)
        configuration = (data / "postgresql.conf").read_text()
        shutil.rmtree(data)
        subprocess.run(["chroot", host.root, *self.run_as(
            f"{self.cluster}/bin/initdb", "-N", "--no-locale", "-A", "peer", "-D",
            "/var/lib/postgresql/data")], check=True, capture_output=True)
        host.write("var/lib/postgresql/data/postgresql.conf", configuration)
        shutil.chown(data / "postgresql.conf", self.uid(), self.uid())

    def argv(self):
        return self.run_as(f"{self.cluster}/bin/postgres", "-D", "/var/lib/postgresql/data")


class Mosquitto(Service):
    name = "mosquitto"
    ports = ((8883, None),)
    install = {"group": "mosquitto"}
    test_fails = False

    def configure(self, files, broken=False):
        """Its listeners are read once; what certfile leads to, at every HUP."""
        self.host.write("etc/mosquitto/mosquitto.conf", f"""
pid_file /run/mosquitto/mosquitto.pid
log_dest stderr
allow_anonymous true
listener 8883 {self.host.address}
certfile /etc/mosquitto/certs/live/fullchain.pem
keyfile /etc/mosquitto/certs/live/privkey.pem
""")
        link = self.host.root / "etc/mosquitto/certs/live"
        link.unlink(missing_ok=True)
        link.symlink_to(files)

    def prepare(self):
        run = self.host.root / "run/mosquitto"
        run.mkdir(parents=True, exist_ok=True)
        shutil.chown(run, *self.ids())

    def ids(self):
        return [int(subprocess.run(["id", option, "mosquitto"], capture_output=True, text=True,
                                   check=True).stdout) for option in ("-u", "-g")]

    def argv(self):
        return ["/usr/sbin/mosquitto", "-c", "/etc/mosquitto/mosquitto.conf"]


SERVICES = {kind.name: kind for kind in (Apache, Haproxy, Postfix, Dovecot, Lighttpd, Postgresql,
                                         Mosquitto)}


class ServiceHost(Host):
    def __init__(self, directory, name, address, cache, services):
        self.cache = cache
        super().__init__(directory, name, address, cache)
        self.services = [SERVICES[service](self) for service in services]

    # What services write.
    copies = ("etc", "var", "run", "root", "tmp", "home")

    def make_root(self, template):
        super().make_root(services_template(self.cache))

    def make_placeholder(self):
        """A certificate of the administrator's own, readable for everybody here."""
        directory = self.root / PLACEHOLDER.lstrip("/")
        directory.mkdir()
        key, cert = directory / "privkey.pem", directory / "fullchain.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert,
                        "-days", "30", "-subj", "/CN=placeholder"], check=True,
                       capture_output=True)
        (directory / "combined.pem").write_text(cert.read_text() + key.read_text())
        key.chmod(0o640)
        for service in self.services:
            if service.name == "postgresql":
                key.chmod(0o600)
                shutil.chown(key, service.uid())
            elif "group" in service.install:
                subprocess.run(["chroot", self.root, "chgrp", service.install["group"],
                                f"{PLACEHOLDER}/privkey.pem"], check=True)

    def start(self, public_key):
        self.start_ssh_only(public_key)
        self.make_placeholder()
        for service in self.services:
            service.configure(PLACEHOLDER)
            service.start()
        for service in self.services:
            service.adopt(SLOT)
        return self

    def service(self, name):
        return next(service for service in self.services if service.name == name)

    def stop(self):
        self.sshd.stop()
        for service in self.services:
            service.server.stop()

    def assert_served(self, sha256, *names, **how):
        """By these services, or all: soon, for a service has its old processes for a while
        beside the new ones."""
        for service in self.services:
            if not names or service.name in names:
                wait_for(f"{service.name} serves {sha256}",
                         lambda it=service: it.all_served(**how) == {sha256})


__all__ = ["PLACEHOLDER", "SERVICES", "ServiceHost", "wait_for"]
