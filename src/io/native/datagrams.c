/**
 * UDP in batches (recvmmsg, sendmmsg) for src/io/native/datagrams.ts: a socket of our own, watched by the loop of the
 * thread that opened it. Linux only.
 *
 * JavaScript and this file share memory. Packets to send stand in a ring: JavaScript writes octets into `arena`, their place
 * and destination into a slot of `shared`, and raises TAIL; before the loop waits they leave, all with one system call, and
 * HEAD follows. What is received goes into slabs that JavaScript keeps as long as it looks at them, and is told with one
 * call for all of a turn. Nothing that JavaScript writes into shared memory is believed.
 *
 * Who frees what: a socket lives until `close` or the end of its thread, then until libuv has let go of its two handles.
 */
#define _GNU_SOURCE
#define NAPI_VERSION 9
#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <net/if.h>
#include <netinet/in.h>
#include <node_api.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of libuv what we use, with its own names: node-api-headers has no uv.h, and Node exports these since version 12. */
typedef struct uv_loop_s uv_loop_t;
typedef struct uv_handle_s uv_handle_t;
typedef struct uv_poll_s uv_poll_t;
typedef struct uv_prepare_s uv_prepare_t;
enum { UV_POLL = 8, UV_PREPARE = 9, UV_READABLE = 1, UV_WRITABLE = 2 };
extern size_t uv_handle_size(int type);
extern const char *uv_handle_type_name(int type);
extern void *uv_handle_get_data(const uv_handle_t *handle);
extern void uv_handle_set_data(uv_handle_t *handle, void *data);
extern int uv_poll_init(uv_loop_t *loop, uv_poll_t *handle, int fd);
extern int uv_poll_start(uv_poll_t *handle, int events, void (*callback)(uv_poll_t *, int status, int events));
extern int uv_prepare_init(uv_loop_t *loop, uv_prepare_t *handle);
extern int uv_prepare_start(uv_prepare_t *handle, void (*callback)(uv_prepare_t *));
extern void uv_unref(uv_handle_t *handle);
extern void uv_close(uv_handle_t *handle, void (*callback)(uv_handle_t *));

/* What both sides know; JavaScript reads it from the exports. Numbers of `shared` are places of 32-bit words. */
enum {
  SLOTS = 1024,          /* packets that wait to be sent; a power of two */
  BATCH = 32,            /* packets per system call */
  ARENA = 1024 * 1024,   /* octets that wait to be sent */
  WORDS = 8,             /* of a packet: offset, length, port, four of the address, scope of the address */
  HEAD = 0,              /* number of the first packet that has not left; ours */
  TAIL = 1,              /* number of the next packet; JavaScript's */
  QUEUE = 2,             /* SLOTS packets to send */
  RECEIVED = QUEUE + SLOTS * WORDS,  /* BATCH packets that came */
  FAILURES = RECEIVED + BATCH * WORDS, /* SLOTS pairs: slot, errno */
  SHARED = FAILURES + SLOTS * 2,
  PACKET = 65536,        /* a datagram is shorter */
  SLAB = 32 * 1024       /* octets received that share their memory */
};

typedef struct thread_s thread_t;

typedef struct socket_s {
  thread_t *thread;
  struct socket_s *next;
  uint32_t id;
  int fd; /* -1: closed */
  int family;
  int handles; /* that libuv holds */
  int is_full; /* the kernel takes no more: we wait for room */
  uv_poll_t *poll;
  uv_prepare_t *prepare;
  uint32_t head;
  uint32_t *shared;
  uint8_t *arena;
  uint8_t *slab;
  size_t slab_size;
  size_t slab_used;
  napi_async_context context;
  napi_ref shared_ref, arena_ref, slab_ref, received_ref, failed_ref, resource_ref;
} socket_t;

struct thread_s {
  napi_env env;
  uv_loop_t *loop;
  socket_t *sockets;
  uint32_t ids;
  napi_async_cleanup_hook_handle hook;
  int is_ending;
  struct mmsghdr messages[BATCH];
  struct iovec vectors[BATCH];
  struct sockaddr_storage addresses[BATCH];
  uint8_t packets[BATCH][PACKET]; /* received; only pages that were needed are there */
};

static socklen_t address_size(int family) {
  return family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

/* Words 2 to 7 of a packet. */
static void to_address(int family, const uint32_t *words, struct sockaddr_storage *address) {
  memset(address, 0, sizeof(struct sockaddr_in6));
  if (family == AF_INET6) {
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;
    six->sin6_family = AF_INET6;
    six->sin6_port = htons((uint16_t)words[2]);
    memcpy(&six->sin6_addr, words + 3, 16);
    six->sin6_scope_id = words[7];
  } else {
    struct sockaddr_in *four = (struct sockaddr_in *)address;
    four->sin_family = AF_INET;
    four->sin_port = htons((uint16_t)words[2]);
    memcpy(&four->sin_addr, words + 3, 4);
  }
}

static void from_address(const struct sockaddr_storage *address, uint32_t *words) {
  memset(words + 2, 0, 6 * sizeof(uint32_t));
  if (address->ss_family == AF_INET6) {
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
    words[2] = ntohs(six->sin6_port);
    memcpy(words + 3, &six->sin6_addr, 16);
    words[7] = six->sin6_scope_id;
  } else {
    const struct sockaddr_in *four = (const struct sockaddr_in *)address;
    words[2] = ntohs(four->sin_port);
    memcpy(words + 3, &four->sin_addr, 4);
  }
}

/* Calls JavaScript from the loop. What it throws is what nobody caught. */
static void call(socket_t *socket, napi_ref function_ref, size_t count, napi_value *arguments) {
  napi_env env = socket->thread->env;
  napi_value function, resource, result, error;
  if (napi_get_reference_value(env, function_ref, &function) != napi_ok || function == NULL) return;
  if (napi_get_reference_value(env, socket->resource_ref, &resource) != napi_ok || resource == NULL) return;
  if (napi_make_callback(env, socket->context, resource, function, count, arguments, &result) != napi_pending_exception)
    return;
  if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
}

/* Tells JavaScript of `count` entries at FAILURES. */
static void report(socket_t *socket, uint32_t count) {
  napi_handle_scope scope;
  napi_value argument;
  if (napi_open_handle_scope(socket->thread->env, &scope) != napi_ok) return;
  if (napi_create_uint32(socket->thread->env, count, &argument) == napi_ok) call(socket, socket->failed_ref, 1, &argument);
  napi_close_handle_scope(socket->thread->env, scope);
}

/* An error that belongs to no packet of ours. */
static void report_error(socket_t *socket, int error) {
  socket->shared[FAILURES] = SLOTS;
  socket->shared[FAILURES + 1] = (uint32_t)error;
  report(socket, 1);
}

static void fail(socket_t *socket, uint32_t *failures, int error) {
  uint32_t *failure = socket->shared + FAILURES + *failures * 2;
  failure[0] = socket->head & (SLOTS - 1);
  failure[1] = (uint32_t)error;
  (*failures)++;
  socket->head++;
}

static void on_poll(uv_poll_t *handle, int status, int events);

static void watch(socket_t *socket, int is_full) {
  if (socket->is_full == is_full) return;
  socket->is_full = is_full;
  uv_poll_start(socket->poll, is_full ? UV_READABLE | UV_WRITABLE : UV_READABLE, on_poll);
}

/* Puts what waits from HEAD on, at most BATCH packets, into `messages`. Stops before a slot that makes no sense. */
static unsigned gather(socket_t *socket, uint32_t waiting) {
  thread_t *thread = socket->thread;
  unsigned count = 0;
  for (; count < waiting && count < BATCH; count++) {
    const uint32_t *words = socket->shared + QUEUE + ((socket->head + count) & (SLOTS - 1)) * WORDS;
    uint32_t offset = words[0], length = words[1];
    if (offset > ARENA || length > ARENA - offset || words[2] > 65535) break;
    to_address(socket->family, words, &thread->addresses[count]);
    thread->vectors[count] = (struct iovec){socket->arena + offset, length};
    memset(&thread->messages[count], 0, sizeof(struct mmsghdr));
    thread->messages[count].msg_hdr.msg_name = &thread->addresses[count];
    thread->messages[count].msg_hdr.msg_namelen = address_size(socket->family);
    thread->messages[count].msg_hdr.msg_iov = &thread->vectors[count];
    thread->messages[count].msg_hdr.msg_iovlen = 1;
  }
  return count;
}

/* Sends what waits, until the kernel takes no more. Gives the number of packets at FAILURES. */
static uint32_t flush(socket_t *socket) {
  uint32_t failures = 0;
  uint32_t tail = socket->shared[TAIL];
  if (tail - socket->head > SLOTS) tail = socket->head + SLOTS;
  while (socket->head != tail) {
    unsigned count = gather(socket, tail - socket->head);
    if (count == 0) {
      fail(socket, &failures, EINVAL);
      continue;
    }
    int sent = sendmmsg(socket->fd, socket->thread->messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) socket->head += (uint32_t)sent;
    else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    /* The first one is the one that failed; those after it are tried again. */
    else if (sent == 0 || errno != EINTR) fail(socket, &failures, sent == 0 ? EIO : errno);
  }
  watch(socket, socket->head != tail);
  socket->shared[HEAD] = socket->head;
  return failures;
}

/* Room for `size` octets in one piece at `slab + slab_used`. */
static napi_status make_room(socket_t *socket, size_t size) {
  napi_env env = socket->thread->env;
  napi_value slab;
  void *octets;
  if (socket->slab_ref != NULL && socket->slab_size - socket->slab_used >= size) return napi_ok;
  if (socket->slab_ref != NULL) napi_delete_reference(env, socket->slab_ref);
  socket->slab_ref = NULL;
  size_t slab_size = size > SLAB ? size : SLAB;
  napi_status status = napi_create_arraybuffer(env, slab_size, &octets, &slab);
  if (status == napi_ok) status = napi_create_reference(env, slab, 1, &socket->slab_ref);
  if (status != napi_ok) return status;
  socket->slab = octets;
  socket->slab_size = slab_size;
  socket->slab_used = 0;
  return napi_ok;
}

/* Hands over `count` packets of `messages`. */
static void deliver(socket_t *socket, unsigned count) {
  thread_t *thread = socket->thread;
  napi_env env = thread->env;
  napi_handle_scope scope;
  napi_value arguments[2];
  size_t size = 0;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  for (unsigned i = 0; i < count; i++) size += thread->messages[i].msg_len;
  if (make_room(socket, size) == napi_ok) {
    for (unsigned i = 0; i < count; i++) {
      uint32_t *words = socket->shared + RECEIVED + i * WORDS;
      unsigned length = thread->messages[i].msg_len;
      words[0] = (uint32_t)socket->slab_used;
      words[1] = length;
      from_address(&thread->addresses[i], words);
      memcpy(socket->slab + socket->slab_used, thread->packets[i], length);
      socket->slab_used += length;
    }
    if (napi_get_reference_value(env, socket->slab_ref, &arguments[0]) == napi_ok &&
        napi_create_uint32(env, count, &arguments[1]) == napi_ok)
      call(socket, socket->received_ref, 2, arguments);
  }
  napi_close_handle_scope(env, scope);
}

static void receive(socket_t *socket) {
  thread_t *thread = socket->thread;
  for (unsigned i = 0; i < BATCH; i++) {
    thread->vectors[i] = (struct iovec){thread->packets[i], PACKET};
    memset(&thread->messages[i], 0, sizeof(struct mmsghdr));
    thread->messages[i].msg_hdr.msg_name = &thread->addresses[i];
    thread->messages[i].msg_hdr.msg_namelen = sizeof(struct sockaddr_storage);
    thread->messages[i].msg_hdr.msg_iov = &thread->vectors[i];
    thread->messages[i].msg_hdr.msg_iovlen = 1;
  }
  int count;
  do count = recvmmsg(socket->fd, thread->messages, BATCH, MSG_DONTWAIT, NULL);
  while (count < 0 && errno == EINTR);
  if (count > 0) deliver(socket, (unsigned)count);
  else if (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK) report_error(socket, errno);
}

static void on_poll(uv_poll_t *handle, int status, int events) {
  socket_t *socket = uv_handle_get_data((uv_handle_t *)handle);
  if (status < 0) {
    /* libuv has stopped to watch a socket with an error; reading the error takes it away. */
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(socket->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    socket->is_full = -1;
    watch(socket, socket->head != socket->shared[TAIL]);
    return report_error(socket, error == 0 ? -status : error);
  }
  if ((events & UV_WRITABLE) != 0) {
    uint32_t failures = flush(socket);
    if (failures > 0) report(socket, failures);
  }
  if ((events & UV_READABLE) != 0 && socket->fd >= 0) receive(socket);
}

/* The turn ends: the loop is about to wait. */
static void on_prepare(uv_prepare_t *handle) {
  socket_t *socket = uv_handle_get_data((uv_handle_t *)handle);
  if (socket->fd < 0 || socket->is_full == 1 || socket->shared[TAIL] == socket->head) return;
  uint32_t failures = flush(socket);
  if (failures > 0) report(socket, failures);
}

/* Not when it is closed: that may be while JavaScript is called with all this. */
static void disconnect_from_v8(socket_t *socket) {
  napi_env env = socket->thread->env;
  napi_ref refs[] = {socket->shared_ref,   socket->arena_ref,  socket->slab_ref,
                     socket->received_ref, socket->failed_ref, socket->resource_ref};
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_async_destroy(env, socket->context);
  for (size_t i = 0; i < sizeof(refs) / sizeof(refs[0]); i++)
    if (refs[i] != NULL) napi_delete_reference(env, refs[i]);
  napi_close_handle_scope(env, scope);
}

/* The thread has ended and libuv has let go of everything. */
static void end_thread(thread_t *thread) {
  napi_remove_async_cleanup_hook(thread->hook);
  free(thread);
}

static void on_closed(uv_handle_t *handle) {
  socket_t *socket = uv_handle_get_data(handle);
  thread_t *thread = socket->thread;
  free(handle);
  if (--socket->handles > 0) return;
  disconnect_from_v8(socket);
  socket_t **link = &thread->sockets;
  while (*link != socket) link = &(*link)->next;
  *link = socket->next;
  free(socket);
  if (thread->is_ending && thread->sockets == NULL) end_thread(thread);
}

/* Sends what can be sent. Gives the number of packets at FAILURES, the others among them. */
static uint32_t close_socket(socket_t *socket) {
  uint32_t failures = flush(socket);
  uint32_t tail = socket->shared[TAIL];
  while (socket->head != tail && failures < SLOTS) fail(socket, &failures, ECANCELED);
  socket->shared[HEAD] = socket->head;
  uv_close((uv_handle_t *)socket->poll, on_closed);
  uv_close((uv_handle_t *)socket->prepare, on_closed);
  close(socket->fd);
  socket->fd = -1;
  return failures;
}

static void on_thread_end(napi_async_cleanup_hook_handle hook, void *data) {
  thread_t *thread = data;
  (void)hook;
  thread->is_ending = 1;
  for (socket_t *socket = thread->sockets; socket != NULL; socket = socket->next)
    if (socket->fd >= 0) close_socket(socket);
  if (thread->sockets == NULL) end_thread(thread);
}

/* The socket of an id; NULL when there is none, or no longer. */
static socket_t *find(napi_env env, napi_value value) {
  thread_t *thread = NULL;
  uint32_t id;
  if (napi_get_instance_data(env, (void **)&thread) != napi_ok || thread == NULL) return NULL;
  if (napi_get_value_uint32(env, value, &id) != napi_ok) return NULL;
  for (socket_t *socket = thread->sockets; socket != NULL; socket = socket->next)
    if (socket->id == id && socket->fd >= 0) return socket;
  return NULL;
}

static napi_value number(napi_env env, int64_t value) {
  napi_value result = NULL;
  napi_create_int64(env, value, &result);
  return result;
}

/* An IPv6 address may end in `%` and the name of an interface. */
static int parse_address(napi_env env, napi_value value, int family, uint32_t *words) {
  char text[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
  size_t length;
  if (napi_get_value_string_utf8(env, value, text, sizeof(text), &length) != napi_ok) return EINVAL;
  if (length + 1 >= sizeof(text) || memchr(text, 0, length) != NULL) return EINVAL;
  memset(words, 0, WORDS * sizeof(uint32_t));
  char *scope = family == AF_INET6 ? strchr(text, '%') : NULL;
  if (scope != NULL) {
    *scope = 0;
    words[7] = if_nametoindex(scope + 1);
  }
  return inet_pton(family, text, words + 3) == 1 ? 0 : EINVAL;
}

/* Opens the descriptor. Gives an errno. */
static int open_descriptor(int family, const uint32_t *words, int is_shared, int buffer_size, int *result) {
  struct sockaddr_storage address;
  int on = 1;
  int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  to_address(family, words, &address);
  if ((is_shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) ||
      bind(fd, (struct sockaddr *)&address, address_size(family)) != 0) {
    int error = errno;
    close(fd);
    return error;
  }
  /* Less than we like is still a socket. */
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_size, sizeof(buffer_size));
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer_size, sizeof(buffer_size));
  *result = fd;
  return 0;
}

/* Memory that both sides write to. */
static napi_status share(napi_env env, napi_value object, const char *name, size_t size, void *octets, napi_ref *ref) {
  napi_value buffer;
  napi_status status = napi_create_arraybuffer(env, size, octets, &buffer);
  if (status == napi_ok) status = napi_create_reference(env, buffer, 1, ref);
  return status == napi_ok ? napi_set_named_property(env, object, name, buffer) : status;
}

/* Everything of a new socket that V8 knows. */
static napi_status connect_to_v8(socket_t *socket, napi_value received, napi_value failed, napi_value object) {
  napi_env env = socket->thread->env;
  napi_value name;
  napi_status status = share(env, object, "shared", SHARED * sizeof(uint32_t), &socket->shared, &socket->shared_ref);
  if (status == napi_ok) status = share(env, object, "arena", ARENA, &socket->arena, &socket->arena_ref);
  if (status == napi_ok) status = napi_create_reference(env, received, 1, &socket->received_ref);
  if (status == napi_ok) status = napi_create_reference(env, failed, 1, &socket->failed_ref);
  if (status == napi_ok) status = napi_create_reference(env, object, 1, &socket->resource_ref);
  if (status == napi_ok) status = napi_create_string_latin1(env, "carillon datagrams", NAPI_AUTO_LENGTH, &name);
  if (status == napi_ok) status = napi_async_init(env, object, name, &socket->context);
  return status;
}

/* open(address, isIPv6, port, isShared, bufferBytes, onReceived, onFailed): an errno below 0, or an object. */
static napi_value js_open(napi_env env, napi_callback_info info) {
  thread_t *thread = NULL;
  napi_value arguments[7], object, port_value;
  size_t count = 7;
  bool is_ipv6, is_shared;
  uint32_t port, words[WORDS];
  int32_t buffer_size;
  napi_valuetype types[2];
  if (napi_get_instance_data(env, (void **)&thread) != napi_ok || thread == NULL || thread->is_ending ||
      napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count != 7 ||
      napi_get_value_bool(env, arguments[1], &is_ipv6) != napi_ok ||
      napi_get_value_uint32(env, arguments[2], &port) != napi_ok || port > 65535 ||
      napi_get_value_bool(env, arguments[3], &is_shared) != napi_ok ||
      napi_get_value_int32(env, arguments[4], &buffer_size) != napi_ok || buffer_size < 0 ||
      napi_typeof(env, arguments[5], &types[0]) != napi_ok || types[0] != napi_function ||
      napi_typeof(env, arguments[6], &types[1]) != napi_ok || types[1] != napi_function)
    return number(env, -EINVAL);
  int family = is_ipv6 ? AF_INET6 : AF_INET;
  int error = parse_address(env, arguments[0], family, words);
  if (error != 0) return number(env, -error);
  words[2] = port;

  socket_t *socket = calloc(1, sizeof(socket_t));
  if (socket == NULL) return number(env, -ENOMEM);
  socket->thread = thread;
  socket->family = family;
  error = open_descriptor(family, words, is_shared, buffer_size, &socket->fd);
  if (error != 0) {
    free(socket);
    return number(env, -error);
  }
  struct sockaddr_storage bound;
  socklen_t size = sizeof(bound);
  memset(&bound, 0, sizeof(bound));
  getsockname(socket->fd, (struct sockaddr *)&bound, &size);
  from_address(&bound, words);
  socket->poll = malloc(uv_handle_size(UV_POLL));
  socket->prepare = malloc(uv_handle_size(UV_PREPARE));
  /* Out of memory: V8 ends the process soon. What it knows of this socket ends with it. */
  if (socket->poll == NULL || socket->prepare == NULL || napi_create_object(env, &object) != napi_ok ||
      connect_to_v8(socket, arguments[5], arguments[6], object) != napi_ok ||
      napi_create_uint32(env, words[2], &port_value) != napi_ok ||
      napi_set_named_property(env, object, "port", port_value) != napi_ok ||
      napi_set_named_property(env, object, "id", number(env, ++thread->ids)) != napi_ok ||
      uv_poll_init(thread->loop, socket->poll, socket->fd) != 0) {
    close(socket->fd);
    free(socket->poll);
    free(socket->prepare);
    free(socket);
    return number(env, -ENOMEM);
  }
  uv_prepare_init(thread->loop, socket->prepare);
  uv_handle_set_data((uv_handle_t *)socket->poll, socket);
  uv_handle_set_data((uv_handle_t *)socket->prepare, socket);
  uv_prepare_start(socket->prepare, on_prepare);
  uv_unref((uv_handle_t *)socket->prepare);
  socket->handles = 2;
  socket->id = thread->ids;
  socket->is_full = -1;
  watch(socket, 0);
  socket->next = thread->sockets;
  thread->sockets = socket;
  return object;
}

/* flush(id) and close(id): the number of packets at FAILURES. */
static napi_value with_socket(napi_env env, napi_callback_info info, uint32_t (*run)(socket_t *)) {
  napi_value arguments[1];
  size_t count = 1;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count != 1) return number(env, 0);
  socket_t *socket = find(env, arguments[0]);
  return number(env, socket == NULL ? 0 : run(socket));
}

static napi_value js_flush(napi_env env, napi_callback_info info) { return with_socket(env, info, flush); }

static napi_value js_close(napi_env env, napi_callback_info info) { return with_socket(env, info, close_socket); }

/* The words of an address, an Uint32Array of WORDS. NULL when it is something else. */
static uint32_t *words_of(napi_env env, napi_value value) {
  napi_typedarray_type type;
  size_t length;
  void *octets;
  bool is_typed;
  if (napi_is_typedarray(env, value, &is_typed) != napi_ok || !is_typed) return NULL;
  if (napi_get_typedarray_info(env, value, &type, &length, &octets, NULL, NULL) != napi_ok) return NULL;
  return type == napi_uint32_array && length == WORDS ? octets : NULL;
}

/* parse(address, isIPv6, words): whether it is one. */
static napi_value js_parse(napi_env env, napi_callback_info info) {
  napi_value arguments[3], result = NULL;
  size_t count = 3;
  bool is_ipv6, is_address = false;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) == napi_ok && count == 3 &&
      napi_get_value_bool(env, arguments[1], &is_ipv6) == napi_ok) {
    uint32_t *words = words_of(env, arguments[2]);
    if (words != NULL) is_address = parse_address(env, arguments[0], is_ipv6 ? AF_INET6 : AF_INET, words) == 0;
  }
  napi_get_boolean(env, is_address, &result);
  return result;
}

/* format(words, isIPv6): the address, for IPv6 on one link with `%` and the name of its interface. */
static napi_value js_format(napi_env env, napi_callback_info info) {
  char text[INET6_ADDRSTRLEN + IF_NAMESIZE + 1] = "";
  napi_value arguments[2], result = NULL;
  size_t count = 2;
  bool is_ipv6;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) == napi_ok && count == 2 &&
      napi_get_value_bool(env, arguments[1], &is_ipv6) == napi_ok) {
    uint32_t *words = words_of(env, arguments[0]);
    if (words != NULL && inet_ntop(is_ipv6 ? AF_INET6 : AF_INET, words + 3, text, INET6_ADDRSTRLEN) != NULL && is_ipv6 &&
        words[7] != 0 && IN6_IS_ADDR_LINKLOCAL((const struct in6_addr *)(words + 3))) {
      char name[IF_NAMESIZE];
      if (if_indextoname(words[7], name) != NULL) {
        strcat(text, "%");
        strcat(text, name);
      }
    }
  }
  napi_create_string_latin1(env, text, NAPI_AUTO_LENGTH, &result);
  return result;
}

/* What was freed in the middle of what the allocator has taken goes back to the system; it would keep that. All threads'. */
static napi_value js_trim(napi_env env, napi_callback_info info) {
  (void)env, (void)info;
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  return NULL;
}

static const struct {
  const char *name;
  int value;
} layout[] = {{"slots", SLOTS}, {"batch", BATCH},       {"arenaBytes", ARENA},  {"words", WORDS},      {"head", HEAD},
              {"tail", TAIL},   {"queue", QUEUE}, {"received", RECEIVED}, {"failures", FAILURES}};

static const struct {
  const char *name;
  napi_callback function;
} functions[] = {
    {"open", js_open},   {"flush", js_flush},   {"close", js_close},
    {"parse", js_parse}, {"format", js_format}, {"trim", js_trim}};

NAPI_MODULE_INIT() {
  napi_value value;
  if (strcmp(uv_handle_type_name(UV_POLL), "poll") != 0 || strcmp(uv_handle_type_name(UV_PREPARE), "prepare") != 0) {
    napi_throw_error(env, NULL, "another libuv than expected");
    return NULL;
  }
  thread_t *thread = calloc(1, sizeof(thread_t));
  if (thread == NULL || napi_get_uv_event_loop(env, &thread->loop) != napi_ok ||
      napi_set_instance_data(env, thread, NULL, NULL) != napi_ok ||
      napi_add_async_cleanup_hook(env, on_thread_end, thread, &thread->hook) != napi_ok) {
    free(thread);
    napi_throw_error(env, NULL, "the addon cannot begin");
    return NULL;
  }
  thread->env = env;
  for (size_t i = 0; i < sizeof(layout) / sizeof(layout[0]); i++)
    napi_set_named_property(env, exports, layout[i].name, number(env, layout[i].value));
  for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
    napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, NULL, &value);
    napi_set_named_property(env, exports, functions[i].name, value);
  }
  return exports;
}
