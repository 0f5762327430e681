"""Files that somebody would upload to do harm, or by mistake; all are made here, none is stored.

    for upload in hostile_voices() + hostile_faces():
        upload.name, upload.file_name, upload.data, upload.may_pass

`may_pass` says that such a file may be read as well as refused: what is cut off late is still a picture.
"""

from __future__ import annotations

import functools
import io
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soundfile
from PIL import Image

from visavox.world.faces.drawn_faces import draw_face
from visavox.world.faces.scene import Scene
from visavox.world.people import make_person
from visavox.world.voices.synthetic_voices import Take, speak

RATE = 16_000
VOICE_KINDS = (("wav", "PCM_16"), ("flac", "PCM_16"), ("ogg", "VORBIS"), ("ogg", "OPUS"), ("mp3", "MPEG_LAYER_III"))
FACE_KINDS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "PPM", "AVIF")
FILE_NAMES = (
    "../../etc/passwd",
    "/etc/passwd",
    "..\\..\\windows\\system32\\a.wav",
    "nul\0byte.wav",
    "n" * 10_000,
    "\u202egnp.exe",
    "two\r\nX-Injected: yes\r\n.wav",
    'quo"te; filename="other.wav',
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "http://127.0.0.1:9/a.wav",
    "|sh -c id",
    "~root/.ssh/id_rsa",
    "",
    ".",
    "\U0001f600\ud83d".encode("utf-8", "replace").decode(),
)


@dataclass(frozen=True)
class Upload:
    """One file of a stranger."""

    name: str
    """What is wrong with it."""
    file_name: str
    """What it is called when it is sent."""
    data: bytes
    """Its content."""
    may_pass: bool = False
    """Whether it may be read, too."""


@functools.cache
def a_voice(seconds: float = 3.0, seed: int = 1) -> np.ndarray:
    """(samples,) float32, 16 kHz: somebody of the simulated world speaks."""
    return speak(make_person(seed, seed=8).voice, Take(duration_s=seconds), np.random.default_rng(seed))


def voice_file(suffix: str = "wav", subtype: str = "PCM_16", *, seconds: float = 3.0, seed: int = 1) -> bytes:
    """A good file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, a_voice(seconds, seed), RATE, format=suffix.upper(), subtype=subtype)
    return buffer.getvalue()


def face_file(kind: str = "JPEG", *, side: int = 96, seed: int = 1) -> bytes:
    """A good picture, although of nobody."""
    small = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC).save(buffer, kind)
    return buffer.getvalue()


@functools.cache
def portrait(seed: int = 1, *, kind: str = "JPEG") -> bytes:
    """A good picture of somebody of the simulated world, whose voice is `voice_file(seed=seed)`."""
    buffer = io.BytesIO()
    Image.fromarray(draw_face(make_person(seed, seed=8).face, Scene())).save(buffer, kind)
    return buffer.getvalue()


@functools.cache
def film_file(suffix: str = "mp4", *, sound: bool, picture: bool = True) -> bytes:
    """A film of one second, with or without sound."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"film.{suffix}"
        with av.open(str(path), "w") as container:
            pictures = container.add_stream("mpeg4", rate=10) if picture else None
            if pictures:
                pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
            sounds = container.add_stream("aac", rate=RATE, layout="mono") if sound else None
            if pictures:
                for i in range(10):
                    frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 * i, dtype=np.uint8), format="rgb24")
                    container.mux(pictures.encode(frame))
                container.mux(pictures.encode())
            if sounds:
                voice = a_voice()[None, :RATE]
                for at in range(0, RATE - 1024, 1024):
                    part = np.ascontiguousarray(voice[:, at : at + 1024])
                    frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
                    frame.sample_rate, frame.pts = RATE, at
                    container.mux(sounds.encode(frame))
                container.mux(sounds.encode())
        return path.read_bytes()


def wav_header(
    *,
    rate: int = RATE,
    channels: int = 1,
    bits: int = 16,
    kind: int = 1,
    riff_size: int | None = None,
    data_size: int | None = None,
    data: bytes = bytes(3200),
) -> bytes:
    """A wav whose header says what it is told to."""
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", kind, channels % 65536, rate, (rate * block) % 2**32, block % 65536, bits)
    size = len(data) if data_size is None else data_size
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", len(body) if riff_size is None else riff_size) + body


def png(width: int, height: int, *chunks: tuple[bytes, bytes], rows: bytes | None = None) -> bytes:
    """A PNG of 8-bit grey with chunks of one's own; its pixels are what `rows` inflates to."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes((width + 1) * height)) if rows is None else rows
    middle = b"".join(chunk(kind, data) for kind, data in chunks)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + middle + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def tiff_loop() -> bytes:
    """A TIFF whose only directory names itself as the next, and whose strips are elsewhere."""
    tags = ((256, 4, 1, 64), (257, 4, 1, 64), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 2**31))
    entries = b"".join(struct.pack("<HHII", *tag) for tag in (*tags, (330, 4, 1, 8)))
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags) + 1) + entries + struct.pack("<I", 8)


def exif_jpeg(exif: bytes) -> bytes:
    """A JPEG with any bytes as its EXIF."""
    plain, block = face_file("JPEG"), b"Exif\0\0" + exif
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + plain[2:]


def bomb_of_sound(hours: float = 2.0) -> bytes:
    """Silence as FLAC: some hundred kilobytes that become half a gigabyte."""
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", RATE, 1, "PCM_16", format="FLAC") as file:
        for _ in range(int(hours * 60)):
            file.write(np.zeros(60 * RATE, dtype=np.int16))
    return buffer.getvalue()


def playlists(address: str, path: str) -> list[Upload]:
    """Texts that ffmpeg would take for instructions to open `path`, or to call `address`."""
    head = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n"
    texts = {
        "HLS of an address": f"{head}{address}/a.wav\n#EXT-X-ENDLIST\n",
        "HLS of a file": f"{head}file://{path}\n#EXT-X-ENDLIST\n",
        "HLS of a path": f"{head}{path}\n#EXT-X-ENDLIST\n",
        "concat": f"ffconcat version 1.0\nfile '{path}'\n",
        "concat of an address": f"ffconcat version 1.0\nfile '{address}/b.wav'\n",
        "DASH": f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period>'
        f'<AdaptationSet mimeType="audio/mp4"><Representation id="a" bandwidth="9"><BaseURL>{address}/c.mp4</BaseURL>'
        f"</Representation></AdaptationSet></Period></MPD>",
        "SDP": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
        "RTSP redirect": f"[Reference]\nRef1={address}/d.wav\n",
        "ASX": f'<asx version="3.0"><entry><ref href="{address}/e.wav"/></entry></asx>',
        "MVG": f"push graphic-context\nviewbox 0 0 9 9\nimage over 0,0 0,0 'url({address}/f.png)'\npop\n",
        "SVG": f'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file://{path}">]>'
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9">'
        f'<script>fetch("{address}/g")</script><image xlink:href="{address}/h.png"/><text>&x;</text></svg>',
    }
    return [Upload(name, "talk.wav", text.encode()) for name, text in texts.items()]


def cut(name: str, data: bytes, places: int = 6) -> Iterator[Upload]:
    """The same file, cut off at several places, the first bytes among them."""
    for at in sorted({1, 4, 12, 44, *(round(len(data) * i / (places + 1)) for i in range(1, places + 1))}):
        yield Upload(f"{name} cut at {at}", f"cut.{name.lower()}", data[:at], may_pass=True)


def anything() -> list[Upload]:
    """Files that are neither sound nor picture."""
    rng = np.random.default_rng(8)
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w") as file:
        file.writestr("../../evil.txt", "x" * 100)
    return [
        Upload("nothing", "empty.jpg", b""),
        Upload("one byte", "one.jpg", b"\0"),
        Upload("zip", "zip.jpg", box.getvalue()),
        Upload("random bytes", "random.jpg", rng.bytes(5000)),
        Upload("zeros", "zeros.jpg", bytes(5000)),
        Upload("HTML", "page.jpg", b"<html><script>alert(1)</script></html>"),
        Upload(
            "PDF", "a.jpg", b"%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction 2 0 R>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
        ),
        Upload("PostScript", "a.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(id) system\nshowpage\n"),
        Upload("a pickle", "a.npy", b"\x80\x04\x95\x1d\0\0\0\0\0\0\0\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R."),
        Upload("an ELF", "a.wav", b"\x7fELF\x02\x01\x01" + bytes(100)),
    ]


def hostile_voices(address: str = "http://127.0.0.1:9", path: str = "/etc/hostname") -> list[Upload]:
    """Every file that is sent as a voice; playlists name `path` and `address`."""
    floats = np.full(800, np.nan, np.float32).tobytes()
    uploads = [
        *anything(),
        *playlists(address, path),
        Upload("wav of 4 GB, it says", "a.wav", wav_header(riff_size=2**32 - 1, data_size=2**32 - 1), may_pass=True),
        Upload("wav of no rate", "a.wav", wav_header(rate=0)),
        Upload("wav of one sample a second", "a.wav", wav_header(rate=1)),
        Upload("wav of the highest rate", "a.wav", wav_header(rate=2**32 - 1), may_pass=True),
        Upload("wav of the highest positive rate", "a.wav", wav_header(rate=2**31 - 1), may_pass=True),
        Upload("wav of 1000 channels", "a.wav", wav_header(channels=1000, data=bytes(2_000_000)), may_pass=True),
        Upload("wav of 65535 channels", "a.wav", wav_header(channels=65535), may_pass=True),
        Upload("wav of no channel", "a.wav", wav_header(channels=0)),
        Upload("wav of no bits", "a.wav", wav_header(bits=0)),
        Upload("wav of an unknown codec", "a.wav", wav_header(kind=0x7777)),
        Upload("wav without samples", "a.wav", wav_header(data=b"")),
        Upload("wav of NaN", "a.wav", wav_header(kind=3, bits=32, data=floats)),
        Upload("two hours of silence", "a.flac", bomb_of_sound()),
        Upload("film without sound", "a.mp4", film_file(sound=False)),
        Upload("picture", "a.wav", face_file("JPEG")),
        Upload("GIF", "a.wav", face_file("GIF")),
    ]
    for suffix, subtype in VOICE_KINDS:
        uploads += cut(f"{subtype}.{suffix}", voice_file(suffix, subtype))
    for suffix in ("mp4", "mkv"):
        uploads += cut(suffix, film_file(suffix, sound=True))
    return uploads


def hostile_faces(address: str = "http://127.0.0.1:9", path: str = "/etc/hostname") -> list[Upload]:
    """Every file that is sent as a face."""
    bomb = zlib.compress(bytes(80 << 20))
    exifs = {
        "a huge count": b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\xff\xff\xff\xff\x06\0\0\0\0\0\0\0",
        "a loop": b"II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0",
        "no end": b"MM\0*" + b"\xff" * 60_000,
    }
    gif = face_file("GIF")
    uploads = [
        *anything(),
        *playlists(address, path),
        Upload("PNG of 50000 x 50000", "a.png", png(50_000, 50_000, rows=zlib.compress(bytes(10_000)))),
        Upload("PNG of 2 x 2147483647", "a.png", png(2, 2**31 - 1, rows=b"")),
        Upload("PNG of no width", "a.png", png(0, 10, rows=b"")),
        Upload("PNG bomb of text", "a.png", png(8, 8, (b"zTXt", b"x\0\0" + bomb))),
        Upload("PNG bomb of colours", "a.png", png(8, 8, (b"iCCP", b"x\0\0" + bomb)), may_pass=True),
        Upload("PNG of a thousand texts", "a.png", png(8, 8, *[(b"tEXt", b"k\0" + b"v" * 999)] * 1000), may_pass=True),
        Upload("GIF of 65535 x 65535", "a.gif", gif[:6] + b"\xff\xff\xff\xff" + gif[10:]),
        Upload("GIF of 500 pictures", "a.gif", gif[:-1] + gif[gif.index(b"\x2c") : -1] * 500 + b";", may_pass=True),
        Upload("BMP of 50000 x 50000", "a.bmp", b"BM" + struct.pack("<IIIIiiHHIIiiII", 99, 0, 54, 40, 50_000, 50_000, 1,
               24, 0, 0, 0, 0, 0, 0)),
        Upload("PPM of 50000 x 50000", "a.ppm", b"P6 50000 50000 255\n" + bytes(100)),
        Upload("PPM of text that does not end", "a.ppm", b"P3 3000 3000 255\n" + b"1" * 1_000_000),
        Upload("TIFF loop", "a.tiff", tiff_loop()),
        Upload("ICO of a huge PNG", "a.ico", b"\0\0\x01\0\x01\0" + struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, 99, 22)
               + png(50_000, 50_000, rows=b"")),
        Upload("film", "a.jpg", film_file(sound=True)),
        Upload("voice", "a.jpg", voice_file()),
        Upload("JPEG and HTML at once", "a.jpg", face_file("JPEG") + b"<script>alert(1)</script>", may_pass=True),
        *(Upload(f"EXIF with {name}", "a.jpg", exif_jpeg(exif), may_pass=True) for name, exif in exifs.items()),
    ]  # fmt: skip
    for kind in FACE_KINDS:
        uploads += cut(kind, face_file(kind))
    return uploads
