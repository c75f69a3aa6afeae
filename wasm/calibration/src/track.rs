// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! A stream of poses for the time offset: rows of (t s, qx, qy, qz, qw), or (t s, x, y, z, 0) where positions are compared.

/// Numbers a row.
pub const ROW: usize = 5;

/// What of a pose is compared; neither needs a registration between the streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The angle turned: the same for every frame fixed to one rigid body.
    Rotation,
    /// The distance gone: the same only for the same point of the body.
    Translation,
}

/// Rows with rising stamps, and the longest interval (s) that may be interpolated.
#[derive(Clone, Copy)]
pub struct Track<'a> {
    pub rows: &'a [f64],
    pub signal: Signal,
    pub gap: f64,
}

impl Track<'_> {
    pub fn len(&self) -> usize {
        self.rows.len() / ROW
    }

    pub fn time(&self, i: usize) -> f64 {
        self.rows[ROW * i]
    }

    pub fn value(&self, i: usize) -> [f64; 4] {
        let row = &self.rows[ROW * i..ROW * (i + 1)];
        [row[1], row[2], row[3], row[4]]
    }

    /// The interpolated value at a time; None outside of the stream and in its gaps.
    pub fn at(&self, t: f64) -> Option<[f64; 4]> {
        let next = self.first_not_before(t);
        if next == self.len() || (next == 0 && self.time(0) > t) {
            return None;
        }
        if self.time(next) == t {
            return Some(self.value(next));
        }
        let (start, end) = (self.time(next - 1), self.time(next));
        let x = (t - start) / (end - start);
        (end - start <= self.gap).then(|| self.between(next - 1, x))
    }

    /// How far the stream moved per second between two times.
    pub fn speed(&self, start: f64, end: f64) -> Option<f64> {
        Some(self.moved(&self.at(start)?, &self.at(end)?) / (end - start))
    }

    pub fn moved(&self, a: &[f64; 4], b: &[f64; 4]) -> f64 {
        match self.signal {
            Signal::Rotation => angle(a, b),
            Signal::Translation => libm::sqrt((0..3).map(|i| (b[i] - a[i]) * (b[i] - a[i])).sum()),
        }
    }

    fn first_not_before(&self, t: f64) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = (low + high) / 2;
            if self.time(middle) < t {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    fn between(&self, i: usize, x: f64) -> [f64; 4] {
        let (a, b) = (self.value(i), self.value(i + 1));
        match self.signal {
            Signal::Rotation => slerp(&a, &b, x),
            Signal::Translation => core::array::from_fn(|k| a[k] + x * (b[k] - a[k])),
        }
    }
}

/// The angle between two unit quaternions, accurate near 0 and pi.
fn angle(a: &[f64; 4], b: &[f64; 4]) -> f64 {
    let d = dot(a, b);
    let sign = if d < 0.0 { -1.0 } else { 1.0 };
    let off: f64 = (0..4).map(|i| (b[i] - sign * a[i]) * (b[i] - sign * a[i])).sum();
    let sum: f64 = (0..4).map(|i| (b[i] + sign * a[i]) * (b[i] + sign * a[i])).sum();
    4.0 * libm::atan2(libm::sqrt(off), libm::sqrt(sum))
}

/// Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985, the shorter way.
fn slerp(a: &[f64; 4], b: &[f64; 4], x: f64) -> [f64; 4] {
    let sign = if dot(a, b) < 0.0 { -1.0 } else { 1.0 };
    let half = 0.5 * angle(a, b);
    let (u, v) = if half < 1e-6 {
        (1.0 - x, x)
    } else {
        (libm::sin((1.0 - x) * half) / libm::sin(half), libm::sin(x * half) / libm::sin(half))
    };
    core::array::from_fn(|i| u * a[i] + v * sign * b[i])
}

fn dot(a: &[f64; 4], b: &[f64; 4]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
