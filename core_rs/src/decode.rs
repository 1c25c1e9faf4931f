//! Bytes in, upright RGB pixels out. Limits are checked in the header, before any pixel is allocated.

use std::io::Cursor;

use image::codecs::{png::PngDecoder, webp::WebPDecoder};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, Limits};

use crate::error::{CoreError, ImageFault, Result};
use crate::jpeg;

/// Shorter sides than this hold no readable plate.
pub const MIN_SIDE: u32 = 8;

/// Bytes that metadata chunks of a PNG or the frames of a WebP may take beyond the pixels.
const METADATA_ALLOWANCE: u64 = 16 << 20;

/// An upright picture: 8-bit RGB, row-major, `3 * width * height` bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    pub rgb: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Jpeg,
    Png,
    WebP,
}

/// Decodes a JPEG, PNG or WebP (the first frame of an animation) and turns it upright by its EXIF orientation.
///
/// The format is told by the bytes alone. Alpha is dropped, grey is spread over the three channels, 16-bit samples
/// are scaled to 8 bits, CMYK becomes RGB. `max_pixels` bounds width x height.
pub fn decode(bytes: &[u8], max_pixels: u64) -> Result<Picture> {
    match sniff(bytes)? {
        Format::Jpeg => jpeg::decode(bytes, max_pixels),
        Format::Png => {
            decode_with(max_pixels, "PNG", false, || PngDecoder::with_limits(Cursor::new(bytes), chunk_limits()))
        }
        Format::WebP => {
            decode_with(max_pixels, "WebP", riff_is_cut_short(bytes), || WebPDecoder::new(Cursor::new(bytes)))
        }
    }
}

fn sniff(bytes: &[u8]) -> Result<Format> {
    match bytes {
        [] => Err(CoreError::image(ImageFault::Empty, "the image has no bytes; send a JPEG, PNG or WebP file")),
        [0xFF, 0xD8, 0xFF, ..] => Ok(Format::Jpeg),
        [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => Ok(Format::Png),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok(Format::WebP),
        _ => Err(CoreError::image(
            ImageFault::UnsupportedFormat,
            "the image is not a JPEG, PNG or WebP file; convert it to one of these",
        )),
    }
}

pub(crate) fn check_size(width: u64, height: u64, max_pixels: u64) -> Result<()> {
    if width * height > max_pixels {
        return Err(CoreError::image(
            ImageFault::TooLarge,
            format!("the image has {width} x {height} pixels, more than the limit of {max_pixels}; send a smaller one"),
        ));
    }
    if width.min(height) < u64::from(MIN_SIDE) {
        return Err(CoreError::image(
            ImageFault::TooSmall,
            format!("the image has {width} x {height} pixels; each side needs at least {MIN_SIDE}"),
        ));
    }
    Ok(())
}

pub(crate) fn truncated(format: &str) -> CoreError {
    CoreError::image(
        ImageFault::Truncated,
        format!("the {format} file ends before its picture does; send the whole file"),
    )
}

pub(crate) fn corrupt(format: &str, reason: &str) -> CoreError {
    CoreError::image(ImageFault::Corrupt, format!("the {format} file cannot be decoded ({reason}); save it anew"))
}

/// Whether a RIFF container names more bytes than there are. Its decoder gives no telling error for a missing end.
fn riff_is_cut_short(bytes: &[u8]) -> bool {
    match bytes.get(4..8) {
        Some(&[a, b, c, d]) => u64::from(u32::from_le_bytes([a, b, c, d])) + 8 > bytes.len() as u64,
        _ => true,
    }
}

fn chunk_limits() -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(METADATA_ALLOWANCE);
    limits
}

fn decode_with<D: ImageDecoder>(
    max_pixels: u64,
    format: &'static str,
    cut_short: bool,
    open: impl FnOnce() -> image::ImageResult<D>,
) -> Result<Picture> {
    let fault = |error: ImageError| if cut_short { truncated(format) } else { image_fault(format, &error) };
    let mut decoder = open().map_err(fault)?;
    let (width, height) = decoder.dimensions();
    check_size(u64::from(width), u64::from(height), max_pixels)?;
    let mut limits = Limits::no_limits();
    // 16-bit RGBA is the widest pixel; a WebP animation keeps a canvas beside the frame.
    limits.max_alloc = Some(2 * 8 * max_pixels + METADATA_ALLOWANCE);
    decoder.set_limits(limits).map_err(fault)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let picture = DynamicImage::from_decoder(decoder).map_err(fault)?;
    Ok(upright(picture, orientation))
}

fn image_fault(format: &str, error: &ImageError) -> CoreError {
    match error {
        ImageError::IoError(cause) if cause.kind() == std::io::ErrorKind::UnexpectedEof => truncated(format),
        ImageError::Limits(_) => CoreError::image(
            ImageFault::TooLarge,
            format!("decoding the {format} file takes more memory than the limit allows; send a smaller one"),
        ),
        other if says_end_of_file(other) => truncated(format),
        other => corrupt(format, &first_line(&other.to_string())),
    }
}

fn says_end_of_file(error: &ImageError) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>()
            && io.kind() == std::io::ErrorKind::UnexpectedEof
        {
            return true;
        }
        cause = error.source();
    }
    false
}

pub(crate) fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(160).collect()
}

pub(crate) fn upright(picture: DynamicImage, orientation: Orientation) -> Picture {
    let mut picture = DynamicImage::ImageRgb8(picture.into_rgb8());
    picture.apply_orientation(orientation);
    let rgb = picture.into_rgb8();
    let (width, height) = rgb.dimensions();
    Picture { width, height, rgb: rgb.into_raw() }
}
