# A block device's worth of file that remembers: a FUSE file system with one file, "disk", over an image. Every write and every flush is logged in the order
# in which it came, with the time, so that the image can be had as a power cut at any moment would have left it.
#   block-log.py <image> <log> <mount point>
# Records of the log, little endian: u8 kind (1 write, 2 flush), u64 CLOCK_MONOTONIC in ns, u64 offset, u32 bytes, and the bytes of a write.
import errno
import os
import stat
import struct
import sys
import time

from fusepy import FUSE, FuseOSError, Operations

WRITE, FLUSH = 1, 2
NAME = "/disk"


class LoggedDisk(Operations):
    def __init__(self, image, log):
        self.image = os.open(image, os.O_RDWR)
        self.log = open(log, "wb")
        self.size = os.fstat(self.image).st_size

    def note(self, kind, offset=0, data=b""):
        self.log.write(struct.pack("<BQQI", kind, time.monotonic_ns(), offset, len(data)) + data)
        self.log.flush()

    def getattr(self, path, fh=None):
        if path == "/":
            return dict(st_mode=stat.S_IFDIR | 0o700, st_nlink=2)
        if path == NAME:
            return dict(st_mode=stat.S_IFREG | 0o600, st_nlink=1, st_size=self.size)
        raise FuseOSError(errno.ENOENT)

    def readdir(self, path, fh):
        return [".", "..", NAME[1:]]

    def open(self, path, flags):
        return 1

    def read(self, path, size, offset, fh):
        return os.pread(self.image, size, offset)

    def write(self, path, data, offset, fh):
        self.note(WRITE, offset, data)
        os.pwrite(self.image, data, offset)
        return len(data)

    def fsync(self, path, datasync, fh):
        self.note(FLUSH)
        return 0

    def flush(self, path, fh):
        return 0

    def truncate(self, path, length, fh=None):
        raise FuseOSError(errno.EPERM)


FUSE(LoggedDisk(sys.argv[1], sys.argv[2]), sys.argv[3], foreground=True, nothreads=True, direct_io=True, big_writes=True)
