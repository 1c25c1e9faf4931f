//! Boxes and corner points in pixels: x to the right, y down, origin at the top left of the picture.

/// An axis-aligned box, `x1 < x2` and `y1 < y2` when it is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rect {
    pub x1: f32,
    pub y1: f32,
    pub x2: f32,
    pub y2: f32,
}

/// Four points, clockwise from the plate's own top left.
pub type Corners = [(f32, f32); 4];

impl Rect {
    #[must_use]
    pub fn width(&self) -> f32 {
        (self.x2 - self.x1).max(0.0)
    }

    #[must_use]
    pub fn height(&self) -> f32 {
        (self.y2 - self.y1).max(0.0)
    }

    #[must_use]
    pub fn area(&self) -> f32 {
        self.width() * self.height()
    }

    #[must_use]
    pub fn centre(&self) -> (f32, f32) {
        (f32::midpoint(self.x1, self.x2), f32::midpoint(self.y1, self.y2))
    }

    /// Area of the part that both boxes have.
    #[must_use]
    pub fn shared(&self, other: &Self) -> f32 {
        let w = self.x2.min(other.x2) - self.x1.max(other.x1);
        let h = self.y2.min(other.y2) - self.y1.max(other.y1);
        if w <= 0.0 || h <= 0.0 { 0.0 } else { w * h }
    }

    /// Intersection over union, 0 for boxes apart or empty.
    #[must_use]
    pub fn iou(&self, other: &Self) -> f32 {
        let both = self.shared(other);
        if both <= 0.0 {
            return 0.0;
        }
        both / (self.area() + other.area() - both)
    }

    /// The share of this box that lies within another, 0 for an empty one.
    #[must_use]
    pub fn share_within(&self, other: &Self) -> f32 {
        let both = self.shared(other);
        if both <= 0.0 { 0.0 } else { both / self.area() }
    }

    /// The part inside a picture of `width` x `height` pixels.
    #[must_use]
    pub fn clipped(&self, width: f32, height: f32) -> Self {
        self.within(&Self { x1: 0.0, y1: 0.0, x2: width, y2: height })
    }

    /// The part inside another box.
    #[must_use]
    pub fn within(&self, other: &Self) -> Self {
        Self {
            x1: self.x1.clamp(other.x1, other.x2),
            y1: self.y1.clamp(other.y1, other.y2),
            x2: self.x2.clamp(other.x1, other.x2),
            y2: self.y2.clamp(other.y1, other.y2),
        }
    }

    /// Wider on each side by `x` times the width and higher on each side by `y` times the height.
    #[must_use]
    pub fn widened(&self, x: f32, y: f32) -> Self {
        let (dx, dy) = (self.width() * x, self.height() * y);
        Self { x1: self.x1 - dx, y1: self.y1 - dy, x2: self.x2 + dx, y2: self.y2 + dy }
    }

    #[must_use]
    pub fn corners(&self) -> Corners {
        [(self.x1, self.y1), (self.x2, self.y1), (self.x2, self.y2), (self.x1, self.y2)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iou_of_half_overlapping_boxes_is_a_third() {
        let a = Rect { x1: 0.0, y1: 0.0, x2: 2.0, y2: 1.0 };
        let b = Rect { x1: 1.0, y1: 0.0, x2: 3.0, y2: 1.0 };
        assert!((a.iou(&b) - 1.0 / 3.0).abs() < 1e-6);
        assert!((a.iou(&a) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn empty_and_distant_boxes_do_not_overlap() {
        let a = Rect { x1: 0.0, y1: 0.0, x2: 2.0, y2: 1.0 };
        let apart = Rect { x1: 2.0, y1: 0.0, x2: 3.0, y2: 1.0 };
        assert!(a.iou(&apart).abs() < f32::EPSILON);
        assert!(Rect::default().iou(&Rect::default()).abs() < f32::EPSILON);
    }
}
