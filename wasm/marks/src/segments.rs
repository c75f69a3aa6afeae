// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! A polyline as the segments that can be seen: clipped to the picture's surroundings, and cut where it is dashed.

use crate::SEGMENT;

/// Rectangle x0, y0, x1, y1 that a segment must touch.
pub type Reach = [f64; 4];

/// Lengths of a dash and of the gap after it, px.
#[derive(Clone, Copy)]
pub struct Dash {
    pub on: f64,
    pub off: f64,
}

struct Sink<'a> {
    segments: &'a mut [f32],
    count: usize,
}

impl Sink<'_> {
    fn push(&mut self, a: [f64; 2], b: [f64; 2]) -> Option<()> {
        let at = SEGMENT * self.count;
        let to = self.segments.get_mut(at..at + SEGMENT)?;
        to.copy_from_slice(&[a[0] as f32, a[1] as f32, b[0] as f32, b[1] as f32]);
        self.count += 1;
        Some(())
    }
}

/// Writes the segments of points (rows of two); returns their number, None where there is no room for them all.
pub fn split(points: &[f64], closed: bool, dash: Option<Dash>, reach: Reach, segments: &mut [f32]) -> Option<usize> {
    let mut sink = Sink { segments, count: 0 };
    let n = points.len() / 2;
    let at = |i: usize| [points[2 * (i % n)], points[2 * (i % n) + 1]];
    let pieces = if n == 1 { 1 } else { (n + usize::from(closed)).saturating_sub(1) };
    let mut along = 0.0;
    for i in 0..pieces {
        let (a, b) = (at(i), at(i + 1));
        let length = libm::sqrt((b[0] - a[0]) * (b[0] - a[0]) + (b[1] - a[1]) * (b[1] - a[1]));
        if let Some((t0, t1)) = clip(a, b, reach) {
            match dash {
                Some(dash) if length > 0.0 => dashes(a, b, [along, length, t0, t1], dash, &mut sink)?,
                Some(_) => {}
                None => sink.push(between(a, b, t0), between(a, b, t1))?,
            }
        }
        along += length;
    }
    Some(sink.count)
}

fn between(a: [f64; 2], b: [f64; 2], t: f64) -> [f64; 2] {
    [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])]
}

/// The part t0..t1 of a segment within the reach: Liang and Barsky, ACM Trans. Graph. 3(1), 1984.
fn clip(a: [f64; 2], b: [f64; 2], reach: Reach) -> Option<(f64, f64)> {
    let (mut t0, mut t1) = (0.0f64, 1.0f64);
    for k in 0..2 {
        let step = b[k] - a[k];
        let (low, high) = (reach[k] - a[k], reach[k + 2] - a[k]);
        if step == 0.0 {
            if low > 0.0 || high < 0.0 {
                return None;
            }
            continue;
        }
        let (u, v) = (low / step, high / step);
        t0 = t0.max(u.min(v));
        t1 = t1.min(u.max(v));
    }
    (t0 <= t1).then_some((t0, t1))
}

/// The dashes of the part t0..t1 of a segment that begins `along` the polyline.
fn dashes(a: [f64; 2], b: [f64; 2], [along, length, t0, t1]: [f64; 4], dash: Dash, sink: &mut Sink) -> Option<()> {
    let period = dash.on + dash.off;
    let (from, to) = (along + t0 * length, along + t1 * length);
    let mut k = libm::floor(from / period);
    while k * period <= to {
        let (s0, s1) = ((k * period).max(from), (k * period + dash.on).min(to));
        if s0 <= s1 {
            sink.push(between(a, b, (s0 - along) / length), between(a, b, (s1 - along) / length))?;
        }
        k += 1.0;
    }
    Some(())
}
