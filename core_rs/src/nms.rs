//! Greedy non-maximum suppression.

use crate::detect::Detection;

/// Keeps the highest-scored detections that overlap no kept one of the same class by more than `iou`; highest score
/// first, at most `limit` of them.
#[must_use]
pub fn suppress(mut detections: Vec<Detection>, iou: f32, limit: usize) -> Vec<Detection> {
    // A stable sort keeps the model's own order between equal scores.
    detections.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Detection> = Vec::new();
    for detection in detections {
        if kept.len() == limit {
            break;
        }
        let repeats = kept.iter().any(|k| k.class == detection.class && k.area.iou(&detection.area) > iou);
        if !repeats {
            kept.push(detection);
        }
    }
    kept
}

/// What two looks found, as one list: best first, at most `limit`. The two place a small plate less alike than two cells
/// of one look do, so a plate whose centre lies in another look's better plate is that plate, too.
#[must_use]
pub fn merged(first: Vec<Detection>, second: Vec<Detection>, iou: f32, limit: usize) -> Vec<Detection> {
    let inside = |a: &Detection, b: &Detection| {
        let (x, y) = a.area.centre();
        x >= b.area.x1 && x <= b.area.x2 && y >= b.area.y1 && y <= b.area.y2
    };
    let mut all: Vec<(bool, Detection)> =
        first.into_iter().map(|each| (false, each)).chain(second.into_iter().map(|each| (true, each))).collect();
    all.sort_by(|a, b| b.1.score.total_cmp(&a.1.score));
    let mut kept: Vec<(bool, Detection)> = Vec::new();
    for (look, detection) in all {
        let repeats = kept.iter().any(|(other, k)| {
            k.area.iou(&detection.area) > iou || (look != *other && (inside(&detection, k) || inside(k, &detection)))
        });
        if !repeats {
            kept.push((look, detection));
        }
    }
    kept.truncate(limit);
    kept.into_iter().map(|(_, detection)| detection).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Rect;

    fn detection(x: f32, score: f32, class: usize) -> Detection {
        Detection { area: Rect { x1: x, y1: 0.0, x2: x + 10.0, y2: 10.0 }, corners: None, score, class }
    }

    fn scores(kept: &[Detection]) -> Vec<f32> {
        kept.iter().map(|d| d.score).collect()
    }

    #[test]
    fn the_best_of_an_overlapping_group_stays() {
        let found = vec![detection(0.0, 0.5, 0), detection(1.0, 0.9, 0), detection(30.0, 0.7, 0)];
        assert_eq!(scores(&suppress(found, 0.5, 10)), [0.9, 0.7]);
    }

    #[test]
    fn classes_do_not_suppress_each_other() {
        let found = vec![detection(0.0, 0.5, 0), detection(0.0, 0.9, 1)];
        assert_eq!(suppress(found, 0.5, 10).len(), 2);
    }

    #[test]
    fn the_limit_keeps_the_best() {
        let found = vec![detection(0.0, 0.1, 0), detection(20.0, 0.3, 0), detection(40.0, 0.2, 0)];
        assert_eq!(scores(&suppress(found, 0.5, 2)), [0.3, 0.2]);
    }

    #[test]
    fn two_looks_at_one_plate_are_one() {
        let first = vec![detection(0.0, 0.3, 0), detection(50.0, 0.8, 0)];
        let second = vec![detection(4.0, 0.9, 0), detection(51.0, 0.7, 0), detection(90.0, 0.6, 0)];
        assert_eq!(scores(&merged(first, second, 0.5, 10)), [0.9, 0.8, 0.6]);
    }

    #[test]
    fn plates_side_by_side_stay_two() {
        let merged = merged(vec![detection(0.0, 0.3, 0)], vec![detection(8.0, 0.9, 0)], 0.5, 10);
        assert_eq!(scores(&merged), [0.9, 0.3]);
    }
}
