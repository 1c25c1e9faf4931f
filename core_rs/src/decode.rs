//! Bytes in, upright RGB pixels out. Limits are checked in the header, before any pixel is allocated.

use std::io::Cursor;

use image::codecs::{png::PngDecoder, webp::WebPDecoder};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, Limits, RgbImage};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use crate::error::{CoreError, ImageFault, Result};

/// Shorter sides than this hold no readable plate.
pub const MIN_SIDE: u32 = 8;

/// Scans of a progressive JPEG. Each one makes the decoder walk the whole picture, so a file of thousands would stall it.
const MAX_SCANS: usize = 100;

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
        Format::Jpeg => decode_jpeg(bytes, max_pixels),
        Format::Png => decode_with(max_pixels, "PNG", || PngDecoder::with_limits(Cursor::new(bytes), chunk_limits())),
        Format::WebP => decode_with(max_pixels, "WebP", || WebPDecoder::new(Cursor::new(bytes))),
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

fn check_size(width: u64, height: u64, max_pixels: u64) -> Result<()> {
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

fn truncated(format: &str) -> CoreError {
    CoreError::image(
        ImageFault::Truncated,
        format!("the {format} file ends before its picture does; send the whole file"),
    )
}

fn corrupt(format: &str, reason: &str) -> CoreError {
    CoreError::image(ImageFault::Corrupt, format!("the {format} file cannot be decoded ({reason}); save it anew"))
}

fn decode_jpeg(bytes: &[u8], max_pixels: u64) -> Result<Picture> {
    // Both sides of a JPEG fit 16 bits; the product is what is bounded.
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_max_scans(MAX_SCANS)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let ended = scan_is_ended(bytes);
    let fault = |error: &zune_jpeg::errors::DecodeErrors| match ended {
        true => corrupt("JPEG", &first_line(&format!("{error:?}"))),
        false => truncated("JPEG"),
    };
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| fault(&error))?;
    let (width, height) = decoder.dimensions().ok_or_else(|| corrupt("JPEG", "it names no size"))?;
    check_size(width as u64, height as u64, max_pixels)?;
    // The decoder fills a missing end with grey, which would read as a picture without plates.
    if !ended {
        return Err(truncated("JPEG"));
    }
    let orientation =
        decoder.exif().and_then(|chunk| Orientation::from_exif_chunk(chunk)).unwrap_or(Orientation::NoTransforms);
    let mut rgb = vec![0; 3 * width * height];
    decoder.decode_into(&mut rgb).map_err(|error| fault(&error))?;
    let picture = RgbImage::from_raw(width as u32, height as u32, rgb)
        .ok_or_else(|| corrupt("JPEG", "its size and its pixels differ"))?;
    Ok(upright(DynamicImage::ImageRgb8(picture), orientation))
}

/// Whether an end-of-image marker (FF D9) follows the first scan header of a JPEG. Within a scan every FF of the
/// data is followed by 00, so the pair is unambiguous there (ITU-T T.81, B.1.1.2 and B.1.1.5); before the first scan
/// segments are skipped by their length, since an EXIF thumbnail has an end of its own.
fn scan_is_ended(bytes: &[u8]) -> bool {
    let mut at = 2;
    loop {
        let Some(&[0xFF, marker]) = bytes.get(at..at + 2) else {
            return find_end(&bytes[at.min(bytes.len())..]);
        };
        match marker {
            0xFF => at += 1,
            0x01 | 0xD0..=0xD8 => at += 2,
            _ => {
                let Some(&[high, low]) = bytes.get(at + 2..at + 4) else {
                    return false;
                };
                at += 2 + usize::from(u16::from_be_bytes([high, low]));
                if marker == 0xDA {
                    return bytes.get(at..).is_some_and(find_end);
                }
            }
        }
    }
}

fn find_end(bytes: &[u8]) -> bool {
    // Searched from the back: a whole file has it in its last bytes.
    bytes.windows(2).rev().any(|pair| pair == [0xFF, 0xD9])
}

fn chunk_limits() -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(METADATA_ALLOWANCE);
    limits
}

fn decode_with<D: ImageDecoder>(
    max_pixels: u64,
    format: &'static str,
    open: impl FnOnce() -> image::ImageResult<D>,
) -> Result<Picture> {
    let fault = |error: ImageError| image_fault(format, &error);
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

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(160).collect()
}

fn upright(picture: DynamicImage, orientation: Orientation) -> Picture {
    let mut picture = DynamicImage::ImageRgb8(picture.into_rgb8());
    picture.apply_orientation(orientation);
    let rgb = picture.into_rgb8();
    let (width, height) = rgb.dimensions();
    Picture { width, height, rgb: rgb.into_raw() }
}
