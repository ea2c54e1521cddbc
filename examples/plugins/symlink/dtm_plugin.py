"""A dtm plugin in Python: write a class with four verbs, and serve it.

    import dtm_plugin

    class Greeting(dtm_plugin.Plugin):
        def create(self, call, want): ...
        def read(self, call, want, last): ...
        def update(self, call, want, have, last): ...
        def delete(self, call, have, last): ...

    if __name__ == "__main__":
        dtm_plugin.serve(Greeting())

The name and the version are those of plugin.json, the schema is schema.cue; both stand beside the program. Options and
resources are what JSON makes of them: dicts of strings, numbers, booleans, lists and dicts.

This file belongs to dtm, and is the same in every plugin: do not edit it, take a newer one instead. It needs grpcio,
protobuf and cryptography; the protocol is plugins/protocol/plugin.proto in dtm's repository.
"""

from __future__ import annotations

import base64
import datetime
import json
import os
import queue
import signal
import sys
import tempfile
import threading
import traceback
import zlib
from concurrent import futures
from pathlib import Path
from typing import Any, Callable, Iterator

try:
    import grpc
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
except ImportError as missing:
    sys.exit(f"{sys.executable}: {missing}; install python3-grpcio python3-protobuf python3-cryptography (Debian), "
             "or grpcio protobuf cryptography with pip")

Json = dict[str, Any]


# What goes wrong. Any other exception is taken as a mistake in the plugin, but for an OSError, which tells of the world.


class Failure(Exception):
    """What went wrong, in the words that the user reads. hint is what the user can do about it."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class NotFound(Failure):
    """The resource does not exist (any more): what read says of it."""


class Retryable(Failure):
    """It may pass: the verb may be called again, after so many seconds at least."""

    def __init__(self, message: str, *, after: float = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.after = after


class Cancelled(Failure):
    """The verb ended because it was asked to. Raised by Call.check."""


class Call:
    """One call of a verb. Its methods may be used by many threads until the verb returns."""

    def __init__(self, listen: Callable[[Json], None] = lambda event: None) -> None:
        self._listen = listen
        self.cancelled = threading.Event()
        """Is set when the verb is to end soon: dtm was interrupted, or the time for it is over."""

    def check(self) -> None:
        """Raises Cancelled if the verb is to end."""
        if self.cancelled.is_set():
            raise Cancelled("cancelled")

    def wait(self, seconds: float) -> None:
        """Waits so long, or raises Cancelled as soon as the verb is to end. Use it in place of time.sleep."""
        self.cancelled.wait(seconds)
        self.check()

    def report(self, text: str) -> None:
        """Says in one line how far the verb is, as in "3 of 7 are ready"."""
        self._listen({"progress": {"text": _clean(text)}})

    def conceal(self, value: str) -> None:
        """Has dtm hide a value that is secret though no option says so, in all that the plugin says from now on."""
        self._listen({"secret": {"value": _clean(value)}})

    def log(self, text: str, *, level: str = "debug", **fields: object) -> None:
        """Writes to dtm's debug log. level is debug, info, warn or error."""
        texts = {name: _clean(str(value)) for name, value in fields.items()}
        self._listen({"log": {"level": "LEVEL_" + level.upper(), "text": _clean(text), "fields": texts}})


class Plugin:
    """The four verbs. Each may be called again after it was interrupted at any point, and must then end as if it had been
    called once. Verbs run at the same time for different tools, never for the same one.

    What create and update return is what a read right after returns: write one method that makes it. Its key "outputs" is
    what other tools may refer to, as #Outputs in schema.cue says; its key "status" is what changes by itself and is never
    compared. It must hold no secret: dtm keeps it.

    A plugin may have more methods: validate(want), which raises Failure if the options are wrong beyond what schema.cue can
    say; identity(options), the name of the thing in the world that they are about; preview(call, want, have, last), what a
    create or update would do, as {"settled": [{"name", "value"}], "parts": [{"action", "name", "fields"}], "notes": [...]};
    succeed(call, have, old), the resource that a resource of DevStream's stands for.
    """

    def create(self, call: Call, want: Json) -> Json:
        """Makes what is wanted, or adopts what an earlier, interrupted create left."""
        raise NotImplementedError

    def read(self, call: Call, want: Json, last: Json) -> Json:
        """Says what exists and changes nothing. last is what was recorded, {} if nothing was. Raises NotFound if it is gone."""
        raise NotImplementedError

    def update(self, call: Call, want: Json, have: Json, last: Json) -> Json:
        """Makes what exists into what is wanted, also when somebody has removed it. have are the options that were last
        applied, so that what was renamed does not stay behind."""
        raise NotImplementedError

    def delete(self, call: Call, have: Json, last: Json) -> None:
        """Removes what exists. That it is already gone is not an error."""
        raise NotImplementedError


def folder() -> Path:
    """The folder of the configuration: relative paths in options start here."""
    return Path(os.environ["DTM_DIR"])


def cache() -> Path:
    """A folder for what can be had again. It need not exist, and what is in it may go at any time between two verbs."""
    return Path(os.environ["DTM_CACHE"])


# The wire. These are the messages of plugin.proto, as a compressed FileDescriptorProto: no code is generated.
_PROTO = """
eNq1Vltz20QUriX5dnyJu7SpxqW01UsLzJhgXri80CZOCZjUo0zSF5hUkTauprJkpJVLXnlghh/AA3+NX8PZi2JdcqMMb96zZz995+y33zF0l0E6
98PRMo5YRHoeW4xUZPW5tQG9A/cNXTg2/SWlCbP+qkE/iyTLKEwo6YIROgtq1h7VnrbJBjRXNE78KDQ1EeiA7qbU1MXiNrRXTuB7DqOJaWCoRQiA
79GQ+ac+xuoiNoDWMqYrn75LzEYWSVLXpdRLzGYux/WjNDFbPGI9hI0jBa7ocm7vnJAJbl3rGxisExT7J9A8dfwgjWUBnfHmqNCC0a7ctSzY2BM8
2VmGjrVGS4alJuoDP8JgnaM+gDx9FVMtyn1Su/KTn4Cx7QQBdkjzPXV4E/rMX9AoZccLPwj8RGDo1rfQ245prvTHYLh4WFX1QekTAjfrjibIT6Fj
U8d73/N8FTgJEzfdtX6C3uHS+w98+OqNs5LKWaMbAn0fejs0oP8WXeBdxPZn6M+k4P4nuv0Dqd735ovPKAo8RfdPDbpHND45F9mn/DFE85gmiYK8
V4Kcqe3vbuG39SCaK+2RUt40mmPKE2gk1I2p7E9nfLeUdSA2ZSKipoGstJpoi01M/Hgt+vpVosfUz6CpXr94/J3xh5Va1FVJ7OdNqNMVPjHLhFZW
J28fo7/Kp9+2/tBAx9KQbz3AXNn4/tisVj+a8v3z49LERtBAewrQfPRHOjL66IJzuyJhErL4bPgVdHJL9AD9LVXP3+Y/yR2ooxGm8nbbtlx8rX1Z
s15DXTK4C7enk6PJ9Phw/2A22d7b3ZvsDG6h6XRkeGfy/PDFoEb6ADKwt7/7cqCt16+e2fsDfX1gYtsv7YFh3YOGvD/Sy1jIJg2hIXvKTQubGKWx
S5W1/V6Dproi7nsLbLEzz0yfS9UPs2ahyYcROz6N0lAKtsVD+L34zDkJqPL9O9B1ThmNMxvjqtB5ouuELg0C6inrR5IJc9y3wvfb1m8a9AoCIGNo
JpQxfqImbufxVXpBobmMbEF96cSMu+f1J2aYyWlgVVQqoD3cAkMAkfz0s8Xviy93+D0YAmgTGniQD0h5Rq3OkbQc0mZBd5grV9Z9dHvRpsxPciPC
GkA/25T2MP67Do2ZKI5M8PLF/CblV1UY9MMHl+wqw/kBWtkoJeXHUBrCw4eX7q/BsrFZASvN3ApYZd5igXIQVgoszMfh/TKrnJ9u1cgzMPg0JMOK
oZ2PyOsgkIkcgRUmhcl4Axg56yowhRF4HcwLaCpVkweXqf2mQGqYVYCKQ+4GhUmdVm8qr+2KFIviPmmIf65f/APmSgQT
"""
_SERVICE = "dtm.plugin.v1.Plugin"
_LARGEST = 64 << 20


def _messages() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto.FromString(zlib.decompress(base64.b64decode(_PROTO)))
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    make = getattr(message_factory, "GetMessageClass", None)  # since protobuf 4.22
    if make is None:
        make = message_factory.MessageFactory(pool).GetPrototype
    return {m.name: make(pool.FindMessageTypeByName(f"{file.package}.{m.name}")) for m in file.message_type}


_M = _messages()


def _load(data: bytes) -> Json:
    return json.loads(data) if data else {}


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def _clean(text: str) -> str:
    """The text without what is no UTF-8, as Python has it in the names of some files."""
    return text.encode("utf-8", "replace").decode()


def _failure(err: BaseException) -> Json:
    """What plugin.proto's Failure says of an exception."""
    failure: Json = {"message": str(err) or type(err).__name__, "hint": getattr(err, "hint", "")}
    if isinstance(err, NotFound):
        failure["not_found"] = True
    elif isinstance(err, Cancelled):
        failure["cancelled"] = True
    elif isinstance(err, Retryable):
        failure |= {"retryable": True, "after_millis": int(err.after * 1000)}
    elif isinstance(err, OSError) and err.strerror:
        failure["message"] = f"{err.filename}: {err.strerror}" if err.filename else err.strerror
    elif not isinstance(err, Failure):
        failure["message"] = f"{type(err).__name__}: {err}"
        failure["hint"] = "this is a bug in the plugin; run again with --debug and report it"
        failure["stack"] = "".join(traceback.format_exception(type(err), err, err.__traceback__))
    return {name: _clean(value) if isinstance(value, str) else value for name, value in failure.items()}


class _Server:
    """Answers the calls of dtm."""

    def __init__(self, plugin: Plugin, manifest: Json, schema: str) -> None:
        self._plugin, self._manifest, self._schema = plugin, manifest, schema
        self._lock = threading.Lock()
        self._calls: dict[str, Call] = {}
        self.shutdown = threading.Event()

    def has(self, verb: str) -> bool:
        return callable(getattr(self._plugin, verb, None))

    def schema(self, request: Any, context: Any) -> Any:
        return _M["SchemaResponse"](
            name=self._manifest["name"], version=self._manifest.get("version", ""), cue=self._schema,
            validates=self.has("validate"), identifies=self.has("identity"), previews=self.has("preview"),
            succeeds=self.has("succeed"), precious=self._manifest.get("precious", False),
        )

    def validate(self, request: Any, context: Any) -> Any:
        try:
            self._plugin.validate(_load(request.want))  # type: ignore[attr-defined]
        except Exception as err:
            return _M["ValidateResponse"](failure=_failure(err))
        return _M["ValidateResponse"]()

    def identity(self, request: Any, context: Any) -> Any:
        try:
            return _M["IdentityResponse"](identity=self._plugin.identity(_load(request.options)))  # type: ignore[attr-defined]
        except Exception as err:
            return _M["IdentityResponse"](failure=_failure(err))

    def cancel(self, request: Any, context: Any) -> Any:
        with self._lock:
            call = self._calls.get(request.id)
        if call:
            call.cancelled.set()
        return _M["CancelResponse"]()

    def verb(self, name: str, arguments: tuple[str, ...]) -> Callable[[Any, Any], Iterator[Any]]:
        """The handler of a verb, whose arguments are these fields of the request. The verb has a thread of its own, so that
        what it says leaves while it runs."""

        def handle(request: Any, context: Any) -> Iterator[Any]:
            events: queue.SimpleQueue[Json] = queue.SimpleQueue()
            call = Call(events.put)
            context.add_callback(call.cancelled.set)  # dtm is gone, or has its answer
            with self._lock:
                self._calls[request.call.id] = call
            deadline = threading.Timer(request.call.timeout_millis / 1000, call.cancelled.set)
            deadline.daemon = True
            if request.call.timeout_millis > 0:
                deadline.start()

            def run() -> None:
                try:
                    call.check()
                    answer = getattr(self._plugin, name)(call, *(_load(getattr(request, a)) for a in arguments))
                    if name == "preview":
                        events.put({"preview": answer})
                    else:
                        events.put({"result": {"resource": b"" if name == "delete" else _dump(answer)}})
                except BaseException as err:
                    events.put({"failure": _failure(err)})

            threading.Thread(target=run, name=f"{name} {request.call.id}", daemon=True).start()
            try:
                while True:
                    response = _response(events.get())
                    yield response
                    if response.WhichOneof("event") in ("result", "failure", "preview"):
                        return
            finally:
                deadline.cancel()
                with self._lock:
                    self._calls.pop(request.call.id, None)

        return handle

    def handlers(self) -> list[grpc.GenericRpcHandler]:
        def unary(name: str, handle: Callable[[Any, Any], Any]) -> grpc.RpcMethodHandler:
            return grpc.unary_unary_rpc_method_handler(
                handle, _M[name + "Request"].FromString, lambda answer: answer.SerializeToString())

        methods = {"Schema": unary("Schema", self.schema), "Cancel": unary("Cancel", self.cancel)}
        if self.has("validate"):
            methods["Validate"] = unary("Validate", self.validate)
        if self.has("identity"):
            methods["Identity"] = unary("Identity", self.identity)
        for name, arguments in _VERBS.items():
            if self.has(name):
                title = name.capitalize()
                methods[title] = grpc.unary_stream_rpc_method_handler(
                    self.verb(name, arguments), _M[title + "Request"].FromString, lambda answer: answer.SerializeToString())

        def stop(request: bytes, context: Any) -> bytes:
            self.shutdown.set()
            return b""

        # Two services of one method each, whose messages are easily written by hand: an empty one, and status 1, SERVING.
        return [
            grpc.method_handlers_generic_handler(_SERVICE, methods),
            grpc.method_handlers_generic_handler(
                "plugin.GRPCController", {"Shutdown": grpc.unary_unary_rpc_method_handler(stop)}),
            grpc.method_handlers_generic_handler(
                "grpc.health.v1.Health",
                {"Check": grpc.unary_unary_rpc_method_handler(lambda request, context: b"\x08\x01")}),
        ]


_VERBS = {
    "create": ("want",), "read": ("want", "last"), "update": ("want", "have", "last"), "delete": ("have", "last"),
    "preview": ("want", "have", "last"), "succeed": ("have", "old"),
}


def _response(event: Json) -> Any:
    """The message of an event. One that cannot be made is a mistake of the plugin's, as a preview of the wrong shape."""
    try:
        return _M["VerbResponse"](**event)
    except (TypeError, ValueError) as err:
        return _M["VerbResponse"](failure=_failure(err))


def _certificate() -> tuple[bytes, bytes, bytes]:
    """A key and a certificate for this process alone, as PEM, and the certificate as DER. It is on the curve P-256: grpcio
    knows no other one before 1.60, where it comes from PyPI."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=1)).not_valid_after(now + datetime.timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem, certificate.public_bytes(serialization.Encoding.PEM), certificate.public_bytes(serialization.Encoding.DER)


def serve(plugin: Plugin) -> None:
    """Serves the plugin until dtm ends it. It does not return."""
    if os.environ.get("DTM_PLUGIN") != "dtm-plugin-1" or not os.environ.get("PLUGIN_CLIENT_CERT"):
        sys.exit("This is a plugin of dtm, which starts it: name its folder under plugins in a toolchain.")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the interrupt of a terminal is for dtm, which says what is to end
    _end_with(sys.stdin.fileno())
    # What the plugin prints is for dtm's debug log; standard output says one line only.
    handshake = os.dup(1)
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]

    home = Path(sys.argv[0]).resolve().parent
    manifest = json.loads((home / "plugin.json").read_text(encoding="utf-8"))
    answers = _Server(plugin, manifest, (home / "schema.cue").read_bytes().decode())
    key, certificate, der = _certificate()
    # Every verb holds a thread while it runs, and dtm asks for health and cancels meanwhile. Threads are made when needed.
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1000), handlers=answers.handlers(), options=[
        ("grpc.max_receive_message_length", _LARGEST), ("grpc.max_send_message_length", -1),
    ])
    path = os.path.join(tempfile.mkdtemp(dir=os.environ.get("PLUGIN_UNIX_SOCKET_DIR") or None), "s")
    credentials = grpc.ssl_server_credentials(
        [(key, certificate)], root_certificates=os.environ["PLUGIN_CLIENT_CERT"].encode(), require_client_auth=True)
    if not server.add_secure_port(f"unix:{path}", credentials):
        sys.exit(f"{path}: cannot be listened on")
    server.start()
    line = f"1|1|unix|{path}|grpc|{base64.b64encode(der).decode().rstrip('=')}\n"
    os.write(handshake, line.encode())
    answers.shutdown.wait()
    server.stop(1).wait()
    # A verb that still runs, or a library's thread, must not keep the process.
    sys.stderr.flush()
    os._exit(0)


def _end_with(fd: int) -> None:
    """Ends the process with the end of its standard input: dtm holds the other end, whatever becomes of it."""

    def watch() -> None:
        while os.read(fd, 4096):
            pass
        os._exit(1)

    threading.Thread(target=watch, name="stdin", daemon=True).start()
