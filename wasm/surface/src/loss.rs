// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Robust losses, tuned to 95 % efficiency under Gaussian noise (Holland and Welsch, Comm. Stat. A6, 1977).

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Squared,
    Huber,
    Cauchy,
    Tukey,
}

impl Kind {
    pub fn from_number(number: u32) -> Option<Self> {
        [Kind::Squared, Kind::Huber, Kind::Cauchy, Kind::Tukey].get(number as usize).copied()
    }
}

/// A loss at the scale of the residuals' standard deviation.
#[derive(Clone, Copy, Debug)]
pub struct Loss {
    pub kind: Kind,
    bend: f64,
}

impl Loss {
    pub fn new(kind: Kind, sigma: f64) -> Self {
        let tuning = match kind {
            Kind::Squared => 1.0,
            Kind::Huber => 1.345,
            Kind::Cauchy => 2.385,
            Kind::Tukey => 4.685,
        };
        Loss { kind, bend: (tuning * sigma).max(1e-12) }
    }

    /// Twice the loss, the weight psi(r) / r, and the slope psi'(r).
    #[inline]
    pub fn at(&self, r: f64) -> (f64, f64, f64) {
        let (c, r2) = (self.bend, r * r);
        let x2 = r2 / (c * c);
        match self.kind {
            Kind::Squared => (r2, 1.0, 1.0),
            Kind::Huber if x2 <= 1.0 => (r2, 1.0, 1.0),
            Kind::Huber => (c * (2.0 * r.abs() - c), c / r.abs(), 0.0),
            Kind::Cauchy => {
                let w = 1.0 / (1.0 + x2);
                (c * c * libm::log(1.0 + x2), w, (1.0 - x2) * w * w)
            }
            Kind::Tukey if x2 >= 1.0 => (c * c / 3.0, 0.0, 0.0),
            Kind::Tukey => {
                let keep = 1.0 - x2;
                (c * c / 3.0 * (1.0 - keep * keep * keep), keep * keep, keep * (1.0 - 5.0 * x2))
            }
        }
    }
}
