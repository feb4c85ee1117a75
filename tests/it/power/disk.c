/* Loaded into the process under test: writes down what it does to the files of one folder, so that the test can put
   together what a disk would hold after a power cut. Nothing of it is part of the product. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int journal = -1;
static char folder[PATH_MAX];
static size_t length;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("POWER_LOG"), *of = getenv("POWER_FOLDER");
    if (!path || !of) return;
    strncpy(folder, of, sizeof folder - 1);
    length = strlen(folder);
    journal = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

/* One record in one call: what, how long the name is, where, how long the bytes are; the name; the bytes. */
static void note(char what, const char *name, int64_t at, const void *bytes, size_t size) {
    struct __attribute__((packed)) { char what; uint32_t name; int64_t at; uint64_t size; } head = {what, strlen(name), at, bytes ? size : 0};
    struct iovec parts[3] = {{&head, sizeof head}, {(void *)name, head.name}, {(void *)bytes, head.size}};
    if (syscall(SYS_writev, journal, parts, 3) < 0) abort();
}

/* The name of a path below the folder; empty for the folder itself, none for what lies elsewhere. */
static const char *below(const char *path) {
    if (journal < 0 || strncmp(path, folder, length)) return NULL;
    return path[length] == '/' ? path + length + 1 : path[length] ? NULL : path + length;
}

static const char *of(int fd, char *room) {
    char link[40];
    if (journal < 0) return NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, room, PATH_MAX - 1);
    if (size < 0) return NULL;
    room[size] = 0;
    return below(room);
}

#define REAL(name) static __typeof__(name) *real; if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

#define PWRITE(function, offset) \
    ssize_t function(int fd, const void *bytes, size_t size, offset at) { \
        REAL(function); char room[PATH_MAX]; const char *name = of(fd, room); \
        ssize_t done = real(fd, bytes, size, at); \
        if (name && done > 0) note('W', name, at, bytes, done); \
        return done; }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t write(int fd, const void *bytes, size_t size) {
    REAL(write); char room[PATH_MAX]; const char *name = of(fd, room);
    ssize_t done = real(fd, bytes, size);
    if (name && done > 0) note('W', name, lseek(fd, 0, SEEK_CUR) - done, bytes, done);
    return done;
}

#define TRUNCATE(function, offset) \
    int function(int fd, offset size) { \
        REAL(function); char room[PATH_MAX]; const char *name = of(fd, room); \
        int done = real(fd, size); if (name && !done) note('T', name, size, NULL, 0); return done; }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define SYNC(function) \
    int function(int fd) { \
        REAL(function); char room[PATH_MAX]; const char *name = of(fd, room); \
        int done = real(fd); if (name && !done) note('S', name, 0, NULL, 0); return done; }
SYNC(fsync)
SYNC(fdatasync)

#define OPEN(function) \
    int function(const char *path, int flags, ...) { \
        REAL(function); va_list more; va_start(more, flags); mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0; va_end(more); \
        const char *name = below(path); int fresh = name && flags & O_CREAT && access(path, F_OK); \
        int fd = real(path, flags, mode); \
        if (fd >= 0 && fresh) note('C', name, 0, NULL, 0); \
        else if (fd >= 0 && name && flags & O_TRUNC) note('T', name, 0, NULL, 0); \
        return fd; }
OPEN(open)
OPEN(open64)

int unlink(const char *path) {
    REAL(unlink); const char *name = below(path);
    int done = real(path);
    if (name && !done) note('U', name, 0, NULL, 0);
    return done;
}

int rename(const char *from, const char *to) {
    REAL(rename); const char *old = below(from), *new = below(to);
    int done = real(from, to);
    if (old && new && !done) note('R', old, 0, new, strlen(new));
    return done;
}
