//! A slot reader's output as texts: each slot is a distribution of its own over the alphabet.

/// Classes under this probability cannot make a candidate that matters.
const NEGLIGIBLE: f32 = 1e-4;

/// The most probable label sequences over all slots, padding left out, best first, at most `limit`. `slots` is
/// `[slots, classes]` row-major. Sequences that differ only in where their padding lies are one.
#[must_use]
pub fn best_sequences(slots: &[f32], classes: usize, pad: usize, limit: usize) -> Vec<(Vec<u16>, f64)> {
    // Slots are independent, so the best sequences are made of the best beginnings; the double width leaves room
    // for those that become one without their padding.
    let width = 2 * limit.max(1);
    let mut beams: Vec<(Vec<u16>, f64)> = vec![(Vec::new(), 1.0)];
    for slot in slots.chunks_exact(classes) {
        let mut order: Vec<usize> = (0..classes).collect();
        order.sort_by(|&a, &b| slot[b].total_cmp(&slot[a]).then(a.cmp(&b)));
        let likely = order.iter().take_while(|&&class| slot[class] >= NEGLIGIBLE).count();
        order.truncate(likely.clamp(1, width));
        let mut next: Vec<(Vec<u16>, f64)> = Vec::with_capacity(beams.len() * order.len());
        for (prefix, p) in &beams {
            for &class in &order {
                let mut longer = prefix.clone();
                longer.push(class as u16);
                next.push((longer, p * f64::from(slot[class].max(0.0))));
            }
        }
        next.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        next.truncate(width);
        beams = next;
    }
    let mut texts: Vec<(Vec<u16>, f64)> = Vec::new();
    for (sequence, p) in beams {
        let text: Vec<u16> = sequence.into_iter().filter(|&class| usize::from(class) != pad).collect();
        match texts.iter_mut().find(|(known, _)| *known == text) {
            Some((_, mass)) => *mass += p,
            None => texts.push((text, p)),
        }
    }
    texts.sort_by(|a, b| b.1.total_cmp(&a.1));
    texts.truncate(limit);
    texts
}

/// The exact probability of `labels`, wherever their padding lies.
#[must_use]
pub fn probability(slots: &[f32], classes: usize, pad: usize, labels: &[u16]) -> f64 {
    let mut mass = vec![0.0_f64; labels.len() + 1];
    mass[0] = 1.0;
    for slot in slots.chunks_exact(classes) {
        for placed in (0..=labels.len()).rev() {
            let here =
                if placed > 0 { mass[placed - 1] * f64::from(slot[usize::from(labels[placed - 1])]) } else { 0.0 };
            mass[placed] = mass[placed] * f64::from(slot[pad]) + here;
        }
    }
    mass[labels.len()]
}

/// The slot of each label of `labels`: the slots whose most probable class is no padding, in order. Fewer than labels
/// when there are fewer of these.
#[must_use]
pub fn peaks(slots: &[f32], classes: usize, pad: usize, labels: &[u16]) -> Vec<usize> {
    let filled = slots.chunks_exact(classes).enumerate().filter(|(_, slot)| {
        let best = (0..classes).max_by(|&a, &b| slot[a].total_cmp(&slot[b]));
        best != Some(pad)
    });
    filled.map(|(at, _)| at).take(labels.len()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_text_takes_the_best_of_each_slot() {
        // a, b, pad
        let slots = [0.7, 0.2, 0.1, 0.1, 0.8, 0.1, 0.1, 0.0, 0.9];
        let texts = best_sequences(&slots, 3, 2, 4);
        assert_eq!(texts[0].0, [0, 1]);
        assert!((texts[0].1 - 0.7 * 0.8 * 0.9).abs() < 1e-6);
        assert!(texts.windows(2).all(|pair| pair[0].1 >= pair[1].1));
        assert_eq!(peaks(&slots, 3, 2, &texts[0].0), [0, 1]);
    }

    #[test]
    fn padding_in_another_place_is_the_same_text() {
        let slots = [0.5, 0.5, 0.5, 0.5];
        let texts = best_sequences(&slots, 2, 1, 8);
        let one = texts.iter().find(|(text, _)| text == &[0]).unwrap();
        assert!((one.1 - 0.5).abs() < 1e-6);
        for (text, p) in &texts {
            assert!((probability(&slots, 2, 1, text) - p).abs() < 1e-6, "{text:?}");
        }
    }
}
