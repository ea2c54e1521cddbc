"""Tests of the SDK: a plugin is started as dtm starts it, and called over the wire."""

from __future__ import annotations

import base64
import json
import os
import signal
import ssl
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest
from pathlib import Path
from typing import Any

import grpc

import dtm_plugin

# What the plugin of the tests does is said by its options.
PLUGIN = """
    import os, sys, threading, time
    import dtm_plugin

    class Toy(dtm_plugin.Plugin):
        def create(self, call, want):
            do = want.get("do")
            if do == "talk":
                call.report("half way")
                call.conceal("hunter2")
                call.log("looked", level="warn", where="here", times=3)
                print("printed")
            elif do == "wait":
                call.report("waiting")
                call.wait(60)
            elif do == "not found":
                raise dtm_plugin.NotFound("it is gone")
            elif do == "retryable":
                raise dtm_plugin.Retryable("busy", after=1.5, hint="wait")
            elif do == "os":
                open("/nowhere/at/all")
            elif do == "bug":
                {}["no such key"]
            elif do == "exit":
                sys.exit("enough")
            elif do == "nan":
                return {"outputs": {"n": float("nan")}}
            elif do == "no utf-8":
                call.report("\\udcff")
                raise dtm_plugin.Failure("bad \\udcff")
            elif do == "level":
                call.log("x", level="loud")
            elif do == "large":
                return {"outputs": {"text": "ä" * want["size"]}}
            return {"outputs": {"do": do, "dir": str(dtm_plugin.folder()), "cache": str(dtm_plugin.cache())}}

        def read(self, call, want, last):
            return {"outputs": {"last": last}}

        def update(self, call, want, have, last):
            return {"outputs": {"have": have, "last": last}}

        def delete(self, call, have, last):
            pass

        def validate(self, want):
            if want.get("bad"):
                raise dtm_plugin.Failure("bad: it is", hint="be good")

        def preview(self, call, want, have, last):
            return want.get("preview", {"parts": [{"action": "create", "name": "toy", "fields": ["a"]}], "notes": ["n"]})

    dtm_plugin.serve(Toy())
"""


class Process:
    """A plugin's process, and dtm's end of it."""

    def __init__(self, test: unittest.TestCase) -> None:
        scratch = tempfile.TemporaryDirectory()
        test.addCleanup(scratch.cleanup)
        self.home = Path(scratch.name)
        (self.home / "toy.py").write_text(textwrap.dedent(PLUGIN))
        (self.home / "schema.cue").write_text("package toy // ä\n")
        manifest = {"manifest": 1, "name": "toy", "version": "1.2.3", "protocol": 1, "precious": True}
        (self.home / "plugin.json").write_text(json.dumps(manifest))
        key, certificate, _ = dtm_plugin._certificate()
        self.popen = subprocess.Popen(
            [sys.executable, "-B", str(self.home / "toy.py")], cwd=self.home,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={
                "DTM_PLUGIN": "dtm-plugin-1", "DTM_DIR": "/the/dir", "DTM_CACHE": "/the/cache",
                "PLUGIN_CLIENT_CERT": certificate.decode(), "PLUGIN_UNIX_SOCKET_DIR": str(self.home),
                "PYTHONPATH": str(Path(__file__).parent),
            })
        test.addCleanup(self.end)
        assert self.popen.stdout
        self.line = self.popen.stdout.readline().decode().rstrip("\n")
        der = base64.b64decode(self.line.split("|")[5] + "==")
        self.address = "unix:" + self.line.split("|")[3]
        self.root = ssl.DER_cert_to_PEM_cert(der).encode()
        self.channel = self.connect(grpc.ssl_channel_credentials(self.root, key, certificate))
        test.addCleanup(self.channel.close)

    def connect(self, credentials: grpc.ChannelCredentials) -> grpc.Channel:
        return grpc.secure_channel(self.address, credentials, options=[
            ("grpc.ssl_target_name_override", "localhost"), ("grpc.max_receive_message_length", 64 << 20)])

    def end(self) -> tuple[bytes, bytes]:
        if self.popen.poll() is None:
            self.popen.kill()
        return self.popen.communicate()

    def unary(self, name: str, **fields: Any) -> Any:
        call = self.channel.unary_unary(
            f"/dtm.plugin.v1.Plugin/{name}", lambda m: m.SerializeToString(), dtm_plugin._M[name + "Response"].FromString)
        return call(dtm_plugin._M[name + "Request"](**fields), timeout=20, wait_for_ready=True)

    def stream(self, name: str, id: str = "1", millis: int = 0, **fields: Any) -> Any:
        call = self.channel.unary_stream(
            f"/dtm.plugin.v1.Plugin/{name}", lambda m: m.SerializeToString(), dtm_plugin._M["VerbResponse"].FromString)
        arguments = {name: json.dumps(value).encode() for name, value in fields.items()}
        request = dtm_plugin._M[name + "Request"](call={"id": id, "timeout_millis": millis}, **arguments)
        return call(request, timeout=20, wait_for_ready=True)

    def outcome(self, name: str, **fields: Any) -> Any:
        return list(self.stream(name, **fields))[-1]

    def made(self, name: str, **fields: Any) -> Any:
        return json.loads(self.outcome(name, **fields).result.resource)["outputs"]


class SDKTest(unittest.TestCase):
    def setUp(self) -> None:
        self.plugin = Process(self)

    def test_the_handshake_is_go_plugins(self) -> None:
        parts = self.plugin.line.split("|")
        self.assertEqual(parts[:3] + parts[4:5], ["1", "1", "unix", "grpc"])
        self.assertNotIn("=", parts[5])

    def test_it_says_who_it_is(self) -> None:
        said = self.plugin.unary("Schema")
        self.assertEqual((said.name, said.version, said.cue, said.precious), ("toy", "1.2.3", "package toy // ä\n", True))
        self.assertEqual((said.validates, said.previews, said.identifies, said.succeeds), (True, True, False, False))

    def test_a_stranger_is_not_let_in(self) -> None:
        key, certificate, _ = dtm_plugin._certificate()
        for credentials in (grpc.ssl_channel_credentials(self.plugin.root),
                            grpc.ssl_channel_credentials(self.plugin.root, key, certificate)):
            with self.plugin.connect(credentials) as channel, self.assertRaises(grpc.RpcError) as caught:
                channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=30)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)

    def test_a_verb_says_what_it_does_and_then_its_outcome(self) -> None:
        events = list(self.plugin.stream("Create", want={"do": "talk"}))
        self.assertEqual([e.WhichOneof("event") for e in events], ["progress", "secret", "log", "result"])
        self.assertEqual((events[0].progress.text, events[1].secret.value), ("half way", "hunter2"))
        self.assertEqual((events[2].log.level, dict(events[2].log.fields)), (3, {"where": "here", "times": "3"}))
        self.assertEqual(json.loads(events[3].result.resource),
                         {"outputs": {"do": "talk", "dir": "/the/dir", "cache": "/the/cache"}})
        out, err = self.plugin.end()
        self.assertEqual((out, err), (b"", b"printed\n"))

    def test_every_verb_gets_its_arguments_and_nothing_is_an_empty_dict(self) -> None:
        self.assertEqual(self.plugin.made("Read", want={}), {"last": {}})
        self.assertEqual(self.plugin.made("Read", want={}, last={"n": 2**53}), {"last": {"n": 2**53}})
        self.assertEqual(self.plugin.made("Update", want={}, have={"a": 1}, last={"b": 2}), {"have": {"a": 1}, "last": {"b": 2}})
        self.assertEqual(self.plugin.outcome("Delete", have={}).result.resource, b"")
        preview = self.plugin.outcome("Preview", want={}).preview
        self.assertEqual((preview.parts[0].action, list(preview.parts[0].fields), list(preview.notes)), ("create", ["a"], ["n"]))

    def test_what_a_plugin_does_not_have_is_unimplemented(self) -> None:
        for ask in (lambda: self.plugin.unary("Identity"), lambda: self.plugin.outcome("Succeed")):
            with self.assertRaises(grpc.RpcError) as caught:
                ask()
            self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_validate(self) -> None:
        self.assertFalse(self.plugin.unary("Validate", want=b"{}").HasField("failure"))
        failure = self.plugin.unary("Validate", want=b'{"bad": true}').failure
        self.assertEqual((failure.message, failure.hint, failure.stack), ("bad: it is", "be good", ""))

    def test_errors_keep_what_they_say(self) -> None:
        def failure(do: str) -> Any:
            return self.plugin.outcome("Create", want={"do": do}).failure

        gone = failure("not found")
        self.assertEqual((gone.message, gone.not_found, gone.retryable), ("it is gone", True, False))
        busy = failure("retryable")
        self.assertEqual((busy.message, busy.retryable, busy.after_millis, busy.hint), ("busy", True, 1500, "wait"))
        world = failure("os")
        self.assertEqual((world.message, world.stack), ("/nowhere/at/all: No such file or directory", ""))
        bug = failure("bug")
        self.assertEqual(bug.message, "KeyError: 'no such key'")
        self.assertIn("this is a bug in the plugin", bug.hint)
        self.assertIn('{}["no such key"]', bug.stack)
        self.assertEqual(failure("exit").message, "SystemExit: enough")
        self.assertIn("ValueError", failure("nan").message)
        self.assertEqual(self.plugin.made("Create", want={})["do"], None)  # it lives

    def test_what_cannot_be_said_is_a_failure(self) -> None:
        self.assertIn("LOUD", self.plugin.outcome("Create", want={"do": "level"}).failure.message)
        failure = self.plugin.outcome("Preview", want={"preview": {"what": 1}}).failure
        self.assertIn("what", failure.message)

    def test_what_is_no_utf8_is_replaced(self) -> None:
        events = list(self.plugin.stream("Create", want={"do": "no utf-8"}))
        self.assertEqual((events[0].progress.text, events[1].failure.message), ("?", "bad ?"))

    def test_a_large_resource(self) -> None:
        self.assertEqual(len(self.plugin.made("Create", want={"do": "large", "size": 10_000_000})["text"]), 10_000_000)

    def test_a_verb_that_is_asked_to_stop_says_so(self) -> None:
        self.plugin.unary("Cancel", id="unknown")
        events = self.plugin.stream("Create", id="a", want={"do": "wait"})
        self.assertEqual(next(events).progress.text, "waiting")
        self.plugin.unary("Cancel", id="a")
        self.assertTrue(next(events).failure.cancelled)
        with self.assertRaises(StopIteration):
            next(events)

    def test_a_verb_whose_time_is_over_says_so(self) -> None:
        self.assertTrue(self.plugin.outcome("Create", millis=50, want={"do": "wait"}).failure.cancelled)

    def test_many_verbs_run_at_the_same_time_and_dtm_is_still_answered(self) -> None:
        streams = [self.plugin.stream("Create", id=str(n), want={"do": "wait"}) for n in range(50)]
        for stream in streams:
            self.assertEqual(next(stream).progress.text, "waiting")
        self.assertEqual(self.plugin.channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=30), b"\x08\x01")
        for n, stream in enumerate(streams):
            self.plugin.unary("Cancel", id=str(n))
            self.assertTrue(next(stream).failure.cancelled)

    def test_the_interrupt_of_a_terminal_is_not_for_it(self) -> None:
        self.plugin.unary("Schema")
        self.plugin.popen.send_signal(signal.SIGINT)
        self.assertEqual(self.plugin.unary("Schema").name, "toy")

    def test_it_ends_when_it_is_told_to_also_in_the_midst_of_a_verb(self) -> None:
        stream = self.plugin.stream("Create", want={"do": "wait"})
        next(stream)
        self.plugin.channel.unary_unary("/plugin.GRPCController/Shutdown")(b"", timeout=30)
        self.assertEqual(self.plugin.popen.wait(30), 0)

    def test_it_ends_with_its_standard_input(self) -> None:
        stream = self.plugin.stream("Create", want={"do": "wait"})
        next(stream)
        assert self.plugin.popen.stdin
        self.plugin.popen.stdin.close()
        self.plugin.popen.stdin = None
        self.assertEqual(self.plugin.popen.wait(30), 1)


class WithoutDtmTest(unittest.TestCase):
    def test_a_plugin_that_dtm_did_not_start_says_what_it_is(self) -> None:
        ran = subprocess.run(
            [sys.executable, "-B", "-c", "import dtm_plugin; dtm_plugin.serve(dtm_plugin.Plugin())"],
            cwd=Path(__file__).parent, env={}, capture_output=True, timeout=60)
        self.assertEqual((ran.returncode, ran.stdout), (1, b""))
        self.assertIn(b"This is a plugin of dtm", ran.stderr)

    def test_a_call_can_be_made_for_tests(self) -> None:
        heard: list[dtm_plugin.Json] = []
        call = dtm_plugin.Call(heard.append)
        call.check()
        call.report("x")
        self.assertEqual(heard, [{"progress": {"text": "x"}}])
        timer = threading.Timer(0.01, call.cancelled.set)
        timer.start()
        with self.assertRaises(dtm_plugin.Cancelled):
            call.wait(60)


if __name__ == "__main__":
    unittest.main()
