//! JPEG: its markers, its colour spaces, its end.

use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use crate::decode::{Picture, check_size, corrupt, first_line, truncated, upright};
use crate::error::Result;

/// Scans of a progressive JPEG. Each one makes the decoder walk the whole picture, so a file of thousands would stall it.
const MAX_SCANS: usize = 100;

/// Decodes a JPEG of at most `max_pixels`; baseline and progressive, grey, `YCbCr`, RGB, CMYK and YCCK.
pub(crate) fn decode(bytes: &[u8], max_pixels: u64) -> Result<Picture> {
    // Both sides of a JPEG fit 16 bits; the product is what is bounded.
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_max_scans(MAX_SCANS)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let markers = Markers::of(bytes);
    let fault = |error: &DecodeErrors| {
        if markers.ended { corrupt("JPEG", &first_line(&format!("{error:?}"))) } else { truncated("JPEG") }
    };
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| fault(&error))?;
    let (width, height) = decoder.dimensions().ok_or_else(|| corrupt("JPEG", "it names no size"))?;
    check_size(width as u64, height as u64, max_pixels)?;
    // The decoder fills a missing end with grey, which would read as a picture without plates.
    if !markers.ended {
        return Err(truncated("JPEG"));
    }
    let orientation =
        decoder.exif().and_then(|chunk| Orientation::from_exif_chunk(chunk)).unwrap_or(Orientation::NoTransforms);
    // The decoder takes all CMYK as Adobe writes it, inverted. Without Adobe's marker samples are plain inks.
    let plain_inks = decoder.input_colorspace() == Some(ColorSpace::CMYK) && !markers.adobe;
    let rgb = if plain_inks {
        decoder.set_options(options.jpeg_set_out_colorspace(ColorSpace::CMYK));
        let mut inks = vec![0; 4 * width * height];
        decoder.decode_into(&mut inks).map_err(|error| fault(&error))?;
        inks.chunks_exact(4).flat_map(|pixel| [0, 1, 2].map(|ink| lit(pixel[ink], pixel[3]))).collect()
    } else {
        let mut rgb = vec![0; 3 * width * height];
        decoder.decode_into(&mut rgb).map_err(|error| fault(&error))?;
        rgb
    };
    let picture = RgbImage::from_raw(width as u32, height as u32, rgb)
        .ok_or_else(|| corrupt("JPEG", "its size and its pixels differ"))?;
    Ok(upright(DynamicImage::ImageRgb8(picture), orientation))
}

/// What is left of white light under an ink and black.
fn lit(ink: u8, black: u8) -> u8 {
    let product = u32::from(255 - ink) * u32::from(255 - black);
    ((product + 127) / 255) as u8
}

/// What a walk over a JPEG's segments tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Markers {
    /// An Adobe segment (APP14) precedes the first scan.
    adobe: bool,
    /// An end-of-image marker (FF D9) follows the first scan header. Within a scan every FF of the data is followed by
    /// 00, so the pair is unambiguous there (ITU-T T.81, B.1.1.2 and B.1.1.5); before the first scan segments are
    /// skipped by their length, since an EXIF thumbnail has an end of its own.
    ended: bool,
}

impl Markers {
    fn of(bytes: &[u8]) -> Self {
        let mut adobe = false;
        let mut at = 2;
        loop {
            let Some(&[0xFF, marker]) = bytes.get(at..at + 2) else {
                return Self { adobe, ended: bytes.get(at..).is_some_and(has_end) };
            };
            match marker {
                0xFF => at += 1,
                0x01 | 0xD0..=0xD8 => at += 2,
                _ => {
                    let Some(&[high, low]) = bytes.get(at + 2..at + 4) else {
                        return Self { adobe, ended: false };
                    };
                    adobe |= marker == 0xEE && bytes[at + 4..].starts_with(b"Adobe");
                    at += 2 + usize::from(u16::from_be_bytes([high, low]));
                    if marker == 0xDA {
                        return Self { adobe, ended: bytes.get(at..).is_some_and(has_end) };
                    }
                }
            }
        }
    }
}

fn has_end(bytes: &[u8]) -> bool {
    // Searched from the back: a whole file has it in its last bytes.
    bytes.windows(2).rev().any(|pair| pair == [0xFF, 0xD9])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Start, a segment that holds an end marker, a scan header, two bytes of data.
    const BEGINNING: &[u8] = &[0xFF, 0xD8, 0xFF, 0xE1, 0, 4, 0xFF, 0xD9, 0xFF, 0xDA, 0, 2, 0x12, 0x34];

    #[test]
    fn the_end_within_a_segment_is_not_the_end() {
        assert!(!Markers::of(BEGINNING).ended);
        assert!(Markers::of(&[BEGINNING, &[0xFF, 0xD9]].concat()).ended);
        assert!(Markers::of(&[BEGINNING, &[0xFF, 0xD9], b"trailing"].concat()).ended);
    }

    #[test]
    fn every_beginning_of_a_file_is_walked_without_panic() {
        let whole = [BEGINNING, &[0xFF, 0xD9]].concat();
        for length in 2..whole.len() {
            assert!(!Markers::of(&whole[..length]).ended, "{length}");
        }
    }

    #[test]
    fn adobe_is_told_by_its_segment() {
        let adobe = [&[0xFF, 0xD8, 0xFF, 0xEE, 0, 7][..], b"Adobe", &BEGINNING[2..]].concat();
        assert!(Markers::of(&adobe).adobe);
        assert!(!Markers::of(BEGINNING).adobe);
    }

    #[test]
    fn inks_take_light_away() {
        assert_eq!([lit(0, 0), lit(255, 0), lit(0, 255), lit(128, 0)], [255, 0, 0, 127]);
    }
}
