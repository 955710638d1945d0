# What no command line tool does to a mounted file system and its loop device.
#   block-device.py shutdown <mount point> <seed> [<file> ...]
#       Writes random pages of the files back, as the kernel may at any time, then ends the file system as a power cut does.
#   block-device.py limit <loop device> <bytes>
#       The device ends after so many bytes.
import ctypes
import fcntl
import os
import random
import struct
import sys

EXT4_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
NO_LOG_FLUSH = 2
LOOP_SET_STATUS64 = 0x4C04
LOOP_GET_STATUS64 = 0x4C05
LOOP_INFO64_BYTES = 232
SIZE_LIMIT_OFFSET = 32
SYNC_FILE_RANGE_WRITE = 2
SYNC_FILE_RANGE_WAIT_AFTER = 4
PAGE_BYTES = 4096


def write_back_some(path, draw):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.sync_file_range.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    fd = os.open(path, os.O_RDWR)
    pages = os.fstat(fd).st_size // PAGE_BYTES
    for page in range(pages):
        if draw.random() < 0.3:
            libc.sync_file_range(fd, page * PAGE_BYTES, PAGE_BYTES, SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER)
    os.close(fd)


def shutdown(mount_point, seed, *files):
    draw = random.Random(int(seed))
    fd = os.open(mount_point, os.O_RDONLY)
    for path in files:
        write_back_some(path, draw)
    fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))


def limit(device, size_bytes):
    fd = os.open(device, os.O_RDWR)
    info = bytearray(LOOP_INFO64_BYTES)
    fcntl.ioctl(fd, LOOP_GET_STATUS64, info)
    struct.pack_into("Q", info, SIZE_LIMIT_OFFSET, int(size_bytes))
    fcntl.ioctl(fd, LOOP_SET_STATUS64, bytes(info))


{"shutdown": shutdown, "limit": limit}[sys.argv[1]](*sys.argv[2:])
