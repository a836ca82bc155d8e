#pragma once
// The system's headers come first: libevent's own configuration header defines _GNU_SOURCE, and types that were read with
// it would differ from those of the Glibc module.
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <netdb.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/util.h>

/// prctl is variadic, which Swift does not import.
static inline int weir_set_thread_name(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0); }

/// accept4 is a GNU extension, which the importer's configuration of the headers leaves out.
int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);
static inline int weir_accept(int descriptor, struct sockaddr *address, socklen_t *length) {
    return accept4(descriptor, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
