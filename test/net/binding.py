# SPDX-License-Identifier: MIT
"""A program in another language drives a cluster through the shared library alone: no header, no compiler."""
import ctypes
import os

from harness import LOCAL, LONG, check, main

HEARD = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
CONFIG_ROOM = 8192  # above any size that the struct may have: the library fills what it knows


class Library:
    """libshoal with the types of what is called here."""

    def __init__(self, path):
        self.c = ctypes.CDLL(path)
        for name in ("shoal_last_error", "shoal_member_name"):
            getattr(self.c, name).restype = ctypes.c_char_p
        for name in ("shoal_members", "shoal_member_list_at", "shoal_cluster_self", "shoal_message_data"):
            getattr(self.c, name).restype = ctypes.c_void_p
        for name in ("shoal_member_list_count", "shoal_message_len"):
            getattr(self.c, name).restype = ctypes.c_size_t
            getattr(self.c, name).argtypes = (ctypes.c_void_p,)
        self.c.shoal_message_data.argtypes = (ctypes.c_void_p,)
        self.c.shoal_handle.argtypes = (ctypes.c_void_p, ctypes.c_uint16, HEARD, ctypes.c_void_p)
        self.c.shoal_meta_set_str.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p)
        self.c.shoal_broadcast.argtypes = (ctypes.c_void_p, ctypes.c_uint16, ctypes.c_char_p, ctypes.c_size_t,
                                           ctypes.c_uint)
        self.c.shoal_config_init_sized.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
        self.c.shoal_config_set.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p)
        self.c.shoal_cluster_new.argtypes = (ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p)
        for name in ("start", "stop", "free"):
            getattr(self.c, f"shoal_cluster_{name}").argtypes = (ctypes.c_void_p,)
        self.c.shoal_cluster_leave.argtypes = (ctypes.c_void_p, ctypes.c_uint)
        self.c.shoal_cluster_address.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)
        self.c.shoal_cluster_join.argtypes = (ctypes.c_void_p, ctypes.POINTER(ctypes.c_char_p), ctypes.c_size_t,
                                              ctypes.c_uint, ctypes.POINTER(ctypes.c_size_t))
        self.c.shoal_wait_members.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint)
        self.c.shoal_members.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
        self.c.shoal_member_list_at.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
        self.c.shoal_member_list_free.argtypes = (ctypes.c_void_p,)
        self.c.shoal_member_name.argtypes = (ctypes.c_void_p,)

    def must(self, code):
        check(code == 0, f"{code}: {self.c.shoal_last_error().decode()}")

    def config(self):
        config = ctypes.create_string_buffer(CONFIG_ROOM)
        self.c.shoal_config_init_sized(config, CONFIG_ROOM)
        return config

    def cluster(self, **fields):
        cluster = ctypes.c_void_p()
        config = self.config()
        texts = {name.encode(): value.encode() for name, value in fields.items()}  # borrowed until _new
        for name, value in texts.items():
            self.must(self.c.shoal_config_set(config, name, value))
        self.must(self.c.shoal_cluster_new(ctypes.byref(cluster), config))
        self.must(self.c.shoal_cluster_start(cluster))
        return cluster

    def address(self, cluster):
        text = ctypes.create_string_buffer(128)
        self.must(self.c.shoal_cluster_address(cluster, text, len(text)))
        return text.value

    def names(self, cluster, filter_=None):
        members = self.c.shoal_members(cluster, filter_)
        count = self.c.shoal_member_list_count(members)
        names = [self.c.shoal_member_name(self.c.shoal_member_list_at(members, i)).decode() for i in range(count)]
        self.c.shoal_member_list_free(members)
        return sorted(names)


def python_joins_lists_and_leaves_through_ctypes(cluster):
    library = Library(os.environ["SHOAL_LIBRARY"])
    agent = cluster.start("agent", *LOCAL)
    first = library.cluster(name="python-1", bind="127.0.0.1:0", label=cluster.label, profile="local")
    second = library.cluster(name="python-2", bind="127.0.0.1:0", label=cluster.label, profile="local")
    reached = ctypes.c_size_t()
    seeds = (ctypes.c_char_p * 2)(agent.address.encode(), library.address(first))
    for each in (first, second):
        library.must(library.c.shoal_cluster_join(each, seeds, 2, LONG * 1000, ctypes.byref(reached)))
    for each in (first, second):
        library.must(library.c.shoal_wait_members(each, 3, LONG * 1000))
        check(library.names(each) == ["agent", "python-1", "python-2"], f"it lists {library.names(each)}")
    library.must(library.c.shoal_cluster_leave(first, 0))
    library.must(library.c.shoal_cluster_free(first))
    cluster.expect_all([agent], {"agent": "alive", "python-1": "left", "python-2": "alive"})
    library.must(library.c.shoal_cluster_leave(second, 0))
    library.must(library.c.shoal_cluster_free(second))


ROOM = ctypes.c_ubyte * 256  # above the size of a filter: the library fills what it knows


def backends(library, cluster):
    """Names of the members that say that they serve."""
    filter_ = ROOM()
    library.c.shoal_filter_init_sized(filter_, ctypes.c_size_t(len(filter_)))
    # size_t size; unsigned states; const char *tag; const char *criteria
    criteria = ctypes.c_char_p(b"role=backend,serves")
    ctypes.memmove(ctypes.addressof(filter_) + 24, ctypes.addressof(criteria), 8)
    return library.names(cluster, filter_)


def python_tells_finds_and_is_sent_messages(cluster):
    library = Library(os.environ["SHOAL_LIBRARY"])
    heard = []

    @HEARD
    def on_message(_cluster, message, _arg):
        heard.append(ctypes.string_at(library.c.shoal_message_data(message), library.c.shoal_message_len(message)))

    one = library.cluster(name="python-1", bind="127.0.0.1:0", label=cluster.label, profile="local")
    two = library.cluster(name="python-2", bind="127.0.0.1:0", label=cluster.label, profile="local")
    library.must(library.c.shoal_handle(two, 200, on_message, None))
    seed = (ctypes.c_char_p * 1)(library.address(one))
    library.must(library.c.shoal_cluster_join(two, seed, 1, LONG * 1000, None))
    for key, value in ((b"role", b"backend"), (b"serves", b"127.0.0.1:80")):
        library.must(library.c.shoal_meta_set_str(one, key, value))
    cluster.expect(lambda: backends(library, two) == ["python-1"], "two finds who serves")
    check(backends(library, one) == ["python-1"], "one finds itself")
    library.must(library.c.shoal_wait_members(one, 2, LONG * 1000))
    library.must(library.c.shoal_broadcast(one, 200, b"to all", 6, 1))
    cluster.expect(lambda: heard == [b"to all"], f"two hears it; it heard {heard}")
    for each in (one, two):
        library.must(library.c.shoal_cluster_free(each))


def what_is_wrong_is_told_to_python_as_text(cluster):
    del cluster
    library = Library(os.environ["SHOAL_LIBRARY"])
    config = library.config()
    check(library.c.shoal_config_set(config, b"relays", b"99") < 0, "99 relays were taken")
    check(b"relays" in library.c.shoal_last_error(), library.c.shoal_last_error())
    check(library.c.shoal_config_set(config, b"nonsense", b"1") < 0, "a field that is none was taken")


if __name__ == "__main__":
    main()
