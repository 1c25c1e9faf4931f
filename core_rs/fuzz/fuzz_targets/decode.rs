//! Any bytes: a picture within the limits, or an error. No panic, no more memory than the limit allows.
//!
//! Run: `cargo install cargo-fuzz`, then in `core_rs`: `cargo fuzz run --sanitizer none decode -- -max_len=65536`
//! (`--sanitizer none` needs no nightly toolchain; leave it out on one).

#![no_main]

use core_rs::decode::{MIN_SIDE, decode};
use libfuzzer_sys::fuzz_target;

const MAX_PIXELS: u64 = 1_000_000;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(picture) = decode(bytes, MAX_PIXELS) {
        let pixels = u64::from(picture.width) * u64::from(picture.height);
        assert!(pixels <= MAX_PIXELS && picture.width.min(picture.height) >= MIN_SIDE);
        assert_eq!(picture.rgb.len() as u64, 3 * pixels);
    }
});
