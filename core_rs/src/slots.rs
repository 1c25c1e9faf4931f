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

/// The probability of each label of `labels` at the slot where the best sequence has it: the slots whose most probable
/// class is no padding, in order.
#[must_use]
pub fn label_scores(slots: &[f32], classes: usize, pad: usize, labels: &[u16]) -> Vec<f32> {
    let filled = slots.chunks_exact(classes).filter(|slot| {
        let best = (0..classes).max_by(|&a, &b| slot[a].total_cmp(&slot[b]));
        best != Some(pad)
    });
    let mut scores: Vec<f32> = labels.iter().zip(filled).map(|(&label, slot)| slot[usize::from(label)]).collect();
    scores.resize(labels.len(), 0.0);
    scores
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
        assert_eq!(label_scores(&slots, 3, 2, &texts[0].0), [0.7, 0.8]);
    }

    #[test]
    fn padding_in_another_place_is_the_same_text() {
        let slots = [0.5, 0.5, 0.5, 0.5];
        let texts = best_sequences(&slots, 2, 1, 8);
        let one = texts.iter().find(|(text, _)| text == &[0]).unwrap();
        assert!((one.1 - 0.5).abs() < 1e-6);
    }
}
