/**
 * A kernel for tests of datagrams.c: takes three packets at a time, every second time none, is interrupted now and then, and
 * refuses what begins with `P`.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/socket.h>

static int stingy_calls;

static int stingy_sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags) {
  stingy_calls++;
  if (stingy_calls % 7 == 0) {
    errno = EINTR;
    return -1;
  }
  if (stingy_calls % 2 == 0) {
    errno = EAGAIN;
    return -1;
  }
  unsigned int taken = 0;
  for (; taken < count && taken < 3; taken++) {
    const struct iovec *octets = messages[taken].msg_hdr.msg_iov;
    if (octets->iov_len > 0 && *(const char *)octets->iov_base == 'P') break;
  }
  if (taken > 0) return sendmmsg(fd, messages, taken, flags);
  errno = EPERM;
  return -1;
}

#define sendmmsg stingy_sendmmsg
