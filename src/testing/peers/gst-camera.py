# A camera made of GStreamer's RTSP server, for tests. Prints one JSON line with its port when it is ready:
# {"port": 40001}. Ends with its standard input or by a signal.
#
# Live test sources are shared by all clients; files are played from their start for each client, so that two
# clients get the same bytes.
import argparse
import json
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

X264 = "x264enc speed-preset=ultrafast threads=1 key-int-max={gop} bitrate=1000"
VIDEO_ENCODERS = {
    "h264": X264 + " tune=zerolatency ! video/x-h264,profile=constrained-baseline ! rtph264pay config-interval=0",
    "h264-bframes": X264 + " bframes=2 b-adapt=false ! video/x-h264,profile=main ! rtph264pay config-interval=0",
    "h265": "x265enc speed-preset=ultrafast tune=zerolatency key-int-max={gop} bitrate=1000"
    " ! h265parse ! rtph265pay config-interval=0",
    "mjpeg": "jpegenc quality=60 ! rtpjpegpay",
}
VIDEO_FILES = {
    "h264": "h264parse ! rtph264pay config-interval=0",
    "h264-bframes": "h264parse ! rtph264pay config-interval=0",
    "h265": "h265parse ! rtph265pay config-interval=0",
    "mjpeg": "jpegparse ! rtpjpegpay",
}
AUDIO_ENCODERS = {
    "pcma": "audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay",
    "pcmu": "audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay",
    "aac": "audio/x-raw,rate=48000,channels=2 ! avenc_aac ! aacparse ! rtpmp4gpay",
    "opus": "audio/x-raw,rate=48000,channels=2 ! opusenc ! rtpopuspay",
    "l16": "audio/x-raw,rate=48000,channels=2 ! rtpL16pay",
}
AUDIO_FILES = {
    "pcma": "rawaudioparse use-sink-caps=false format=alaw sample-rate=8000 num-channels=1 ! rtppcmapay",
    "pcmu": "rawaudioparse use-sink-caps=false format=mulaw sample-rate=8000 num-channels=1 ! rtppcmupay",
    "aac": "aacparse ! rtpmp4gpay",
    "opus": "opusparse ! rtpopuspay",
    "l16": "rawaudioparse use-sink-caps=false format=pcm pcm-format=s16be sample-rate=44100 num-channels=2 ! rtpL16pay",
}
DEMUXERS = {".mp4": "qtdemux", ".mkv": "matroskademux", ".ts": "tsdemux", ".ogg": "oggdemux"}


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--video", choices=list(VIDEO_ENCODERS))
    parser.add_argument("--audio", choices=list(AUDIO_ENCODERS))
    parser.add_argument("--video-file")
    parser.add_argument("--audio-file")
    parser.add_argument("--size", default="320x240")
    parser.add_argument("--fps", type=int, default=25)
    parser.add_argument("--gop", type=int, default=50)
    parser.add_argument("--path", default="/cam")
    parser.add_argument("--port", default="0")
    parser.add_argument("--protocols", default="tcp,udp")
    parser.add_argument("--user")
    parser.add_argument("--password", default="")
    parser.add_argument("--auth", choices=["digest", "basic"], default="digest")
    return parser.parse_args()


def file_source(file):
    ending = file[file.rfind(".") :]
    demuxer = f" ! {DEMUXERS[ending]}" if ending in DEMUXERS else ""
    return f'filesrc location="{file}"{demuxer}'


def pipeline(options):
    parts = []
    if options.video_file:
        parts.append(f"{file_source(options.video_file)} ! {VIDEO_FILES[options.video]}")
    elif options.video:
        width, height = options.size.split("x")
        caps = f"video/x-raw,format=I420,width={width},height={height},framerate={options.fps}/1"
        encoder = VIDEO_ENCODERS[options.video].format(gop=options.gop)
        parts.append(f"videotestsrc is-live=true pattern=ball ! {caps} ! {encoder}")
    if options.audio_file:
        parts.append(f"{file_source(options.audio_file)} ! {AUDIO_FILES[options.audio]}")
    elif options.audio:
        parts.append(f"audiotestsrc is-live=true wave=ticks ! audioconvert ! {AUDIO_ENCODERS[options.audio]}")
    named = [f"{part} name=pay{i} pt={96 + i}" for i, part in enumerate(parts)]
    return "( " + "  ".join(named) + " )"


def authentication(options, factory):
    """One user who may see and construct the stream; everybody else is challenged."""
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    if options.auth == "digest":
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(options.user, options.password, token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(options.user, options.password), token)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("user", "media.factory.access", True)
    permissions.add_permission_for_role("user", "media.factory.construct", True)
    factory.set_permissions(permissions)
    return auth


def main():
    options = arguments()
    Gst.init(None)
    loop = GLib.MainLoop()

    factory = GstRtspServer.RTSPMediaFactory()
    Gst.parse_launch(pipeline(options))  # fails here and now where an element is not installed
    factory.set_launch(pipeline(options))
    factory.set_shared(not (options.video_file or options.audio_file))
    lower = {"tcp": GstRtsp.RTSPLowerTrans.TCP, "udp": GstRtsp.RTSPLowerTrans.UDP}
    protocols = GstRtsp.RTSPLowerTrans(0)
    for name in options.protocols.split(","):
        protocols |= lower[name]
    factory.set_protocols(protocols)

    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(options.port)
    if options.user:
        server.set_auth(authentication(options, factory))
    server.get_mount_points().add_factory(options.path, factory)
    server.attach(None)
    print(json.dumps({"port": server.get_bound_port()}), flush=True)

    def end_with_input():
        sys.stdin.read()
        GLib.idle_add(loop.quit)

    threading.Thread(target=end_with_input, daemon=True).start()
    loop.run()


main()
