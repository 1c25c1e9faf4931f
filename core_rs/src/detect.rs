//! A detector's raw output as boxes of the picture, by the kind that the manifest names.

use crate::error::{CoreError, Result};
use crate::geometry::{Corners, Rect};
use crate::letterbox::Frame;
use crate::manifest::{DetectorKind, DetectorOutput};
use crate::session::Output;

#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// Pixels of the upright picture, inside it.
    pub area: Rect,
    pub corners: Option<Corners>,
    /// 0 to 1.
    pub score: f32,
    pub class: usize,
}

/// Detections of at least `threshold` in each picture of a batch whose output is `output`, not yet suppressed.
pub fn detections(
    kind: DetectorKind,
    spec: &DetectorOutput,
    output: &Output,
    frames: &[Frame],
    thresholds: &[f32],
) -> Result<Vec<Vec<Detection>>> {
    match kind {
        DetectorKind::YoloEnd2end => Ok(end2end(output, frames, thresholds)),
        DetectorKind::AnchorFreeGrid => grid(spec, output, frames, thresholds, anchor_free),
        DetectorKind::YoloxGrid => grid(spec, output, frames, thresholds, yolox),
    }
}

/// The last dimension that a detector of this kind must have.
#[must_use]
pub fn row_length(kind: DetectorKind, spec: &DetectorOutput) -> usize {
    match kind {
        DetectorKind::YoloEnd2end => 7,
        DetectorKind::AnchorFreeGrid if spec.corners => 13,
        DetectorKind::AnchorFreeGrid => 5,
        DetectorKind::YoloxGrid => 5 + spec.classes,
    }
}

fn end2end(output: &Output, frames: &[Frame], thresholds: &[f32]) -> Vec<Vec<Detection>> {
    let mut found = vec![Vec::new(); frames.len()];
    for row in output.values.chunks_exact(7) {
        let n = row[0] as usize;
        // A model of a fixed batch also looks at the grey pictures that fill it up.
        let (Some(frame), Some(&threshold)) = (frames.get(n), thresholds.get(n)) else { continue };
        let raw = Raw {
            area: Rect { x1: row[1], y1: row[2], x2: row[3], y2: row[4] },
            corners: None,
            score: row[6],
            class: row[5].max(0.0) as usize,
        };
        found[n].extend(raw.placed(frame, threshold));
    }
    found
}

/// One cell's answer in pixels of the network's input.
struct Raw {
    area: Rect,
    corners: Option<Corners>,
    score: f32,
    class: usize,
}

impl Raw {
    /// Nothing for a weak, an empty or a meaningless box.
    fn placed(self, frame: &Frame, threshold: f32) -> Option<Detection> {
        if !reaches(self.score, threshold) {
            return None;
        }
        let area = frame.box_back(self.area).within(&frame.source());
        if !reaches(area.width().min(area.height()), 1.0) {
            return None;
        }
        let corners = self
            .corners
            .map(|points| points.map(|(x, y)| frame.point_back(x, y)))
            .filter(|points| points.iter().all(|(x, y)| x.is_finite() && y.is_finite()));
        Some(Detection { area, corners, score: self.score.min(1.0), class: self.class })
    }
}

/// False for NaN, too: a network may give any number.
fn reaches(value: f32, least: f32) -> bool {
    value >= least
}

struct Cell {
    x: f32,
    y: f32,
    stride: f32,
}

fn grid(
    spec: &DetectorOutput,
    output: &Output,
    frames: &[Frame],
    thresholds: &[f32],
    read: fn(&DetectorOutput, &[f32], &Cell, f32) -> Option<Raw>,
) -> Result<Vec<Vec<Detection>>> {
    let (cells, length) = match output.shape[..] {
        // A fixed batch is filled up with grey pictures.
        [n, cells, length] if n >= frames.len() => (cells, length),
        _ => {
            return Err(CoreError::Inference(format!(
                "the detector gave the shape {:?} for a batch of {}",
                output.shape,
                frames.len()
            )));
        }
    };
    let mut found = Vec::with_capacity(frames.len());
    for (n, (frame, &threshold)) in frames.iter().zip(thresholds).enumerate() {
        let expected = cell_count(&spec.strides, frame.input_width, frame.input_height);
        if cells != expected {
            return Err(CoreError::Inference(format!(
                "the detector gave {cells} cells for {} x {} pixels, its strides make {expected}",
                frame.input_width, frame.input_height
            )));
        }
        let mut rows = output.values[n * cells * length..(n + 1) * cells * length].chunks_exact(length);
        let mut boxes = Vec::new();
        for &stride in &spec.strides {
            let (columns, lines) = (frame.input_width.div_ceil(stride), frame.input_height.div_ceil(stride));
            for (row, place) in rows.by_ref().take((columns * lines) as usize).zip(0..) {
                let cell = Cell { x: (place % columns) as f32, y: (place / columns) as f32, stride: stride as f32 };
                if let Some(raw) = read(spec, row, &cell, threshold) {
                    boxes.extend(raw.placed(frame, threshold));
                }
            }
        }
        found.push(boxes);
    }
    Ok(found)
}

/// Cells of all strides over an input of this size.
#[must_use]
pub fn cell_count(strides: &[u32], width: u32, height: u32) -> usize {
    strides.iter().map(|stride| (width.div_ceil(*stride) * height.div_ceil(*stride)) as usize).sum()
}

fn anchor_free(spec: &DetectorOutput, row: &[f32], cell: &Cell, threshold: f32) -> Option<Raw> {
    let score = row[0];
    if !reaches(score, threshold) {
        return None;
    }
    let stride = cell.stride;
    let (x, y) = ((cell.x + 0.5) * stride, (cell.y + 0.5) * stride);
    let corners = spec.corners.then(|| [5, 7, 9, 11].map(|at| (x + row[at] * stride, y + row[at + 1] * stride)));
    Some(Raw {
        area: Rect {
            x1: x - row[1] * stride,
            y1: y - row[2] * stride,
            x2: x + row[3] * stride,
            y2: y + row[4] * stride,
        },
        corners,
        score,
        class: 0,
    })
}

/// Decoding of the raw grid as in YOLOX (arXiv 2107.08430) without `decode_in_inference`.
fn yolox(spec: &DetectorOutput, row: &[f32], cell: &Cell, threshold: f32) -> Option<Raw> {
    let (class, best) = row[5..5 + spec.classes].iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let score = row[4] * best;
    if !reaches(score, threshold) {
        return None;
    }
    let (x, y) = ((row[0] + cell.x) * cell.stride, (row[1] + cell.y) * cell.stride);
    let (w, h) = (row[2].exp() * cell.stride, row[3].exp() * cell.stride);
    Some(Raw {
        area: Rect { x1: x - w / 2.0, y1: y - h / 2.0, x2: x + w / 2.0, y2: y + h / 2.0 },
        corners: None,
        score,
        class,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{InputSpec, Manifest};

    fn input() -> InputSpec {
        let text = r#"
            [pack]
            name = "t"
            version = "1"
            licence = "none"
            [plate_detector]
            file = "d"
            sha256 = ""
            kind = "yolo-end2end"
            input = { fit = "letterbox", width = 64, height = 64 }
            output = { name = "o" }
            [plate_reader]
            file = "r"
            sha256 = ""
            kind = "ctc"
            input = { fit = "stretch", width = 8, height = 8 }
            output = { name = "t", alphabet = "A" }
        "#;
        toml::from_str::<Manifest>(text).unwrap().plate_detector.input
    }

    #[test]
    fn pictures_that_only_fill_a_fixed_batch_are_passed_over() {
        let frame = Frame::plan(&input(), 64, 64);
        let values = vec![0.0, 8.0, 8.0, 40.0, 24.0, 0.0, 0.9, 1.0, 8.0, 8.0, 40.0, 24.0, 0.0, 0.9];
        let output = Output { shape: vec![2, 7], values };
        let found = end2end(&output, &[frame], &[0.5]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].len(), 1);

        let spec = DetectorOutput { name: "o".into(), strides: vec![32], corners: false, classes: 1 };
        let cells = 4;
        let mut values = vec![0.0; 2 * cells * 5];
        values[..5].copy_from_slice(&[0.9, 0.5, 0.25, 0.5, 0.25]);
        values[cells * 5..cells * 5 + 5].copy_from_slice(&[0.9, 0.5, 0.25, 0.5, 0.25]);
        let output = Output { shape: vec![2, cells, 5], values };
        let found = detections(DetectorKind::AnchorFreeGrid, &spec, &output, &[frame], &[0.5]).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].len(), 1);
    }
}
