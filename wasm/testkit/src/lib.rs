// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! For tests alone: golden vectors and a small random source, so that the kernels need no further test dependency.

use serde_json::Value;

/// The cases of `golden/NAME.json`; panics where the file is missing or not a list of cases.
pub fn cases(name: &str) -> Vec<Value> {
    let path = format!("{}/../golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let file: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}"));
    file["cases"].as_array().unwrap_or_else(|| panic!("{path}: no cases")).clone()
}

/// A flat list of numbers; "nan" and "inf" as strings, which JSON has no numbers for.
pub fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(number).collect()
}

/// One number, or "nan" or "inf".
pub fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some("nan") => f64::NAN,
        Some("inf") => f64::INFINITY,
        _ => value.as_f64().expect("a number"),
    }
}

/// xorshift64*: reproducible, good enough to pick test inputs.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Uniform in low..high.
    pub fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A rigid transform, row-major, with a translation of up to `reach`.
    pub fn rigid(&mut self, reach: f64) -> [f64; 16] {
        let q: [f64; 4] = core::array::from_fn(|_| self.range(-1.0, 1.0));
        let n = q.iter().map(|v| v * v).sum::<f64>().sqrt().max(1e-3);
        let [w, x, y, z] = q.map(|v| v / n);
        let mut t = || self.range(-reach, reach);
        [
            1.0 - 2.0 * (y * y + z * z),
            2.0 * (x * y - w * z),
            2.0 * (x * z + w * y),
            t(),
            2.0 * (x * y + w * z),
            1.0 - 2.0 * (x * x + z * z),
            2.0 * (y * z - w * x),
            t(),
            2.0 * (x * z - w * y),
            2.0 * (y * z + w * x),
            1.0 - 2.0 * (x * x + y * y),
            t(),
            0.0,
            0.0,
            0.0,
            1.0,
        ]
    }
}

/// Applies a row-major transform to rows of three.
pub fn transform(t: &[f64], points: &[f64]) -> Vec<f64> {
    let row = |p: &[f64], i: usize| t[4 * i] * p[0] + t[4 * i + 1] * p[1] + t[4 * i + 2] * p[2] + t[4 * i + 3];
    points.chunks_exact(3).flat_map(|p| [row(p, 0), row(p, 1), row(p, 2)]).collect()
}

/// Row-major product of two transforms.
pub fn product(a: &[f64], b: &[f64]) -> [f64; 16] {
    core::array::from_fn(|i| (0..4).map(|k| a[4 * (i / 4) + k] * b[4 * k + i % 4]).sum())
}

/// Largest absolute difference; not a number counts as infinite.
pub fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(x, y)| if (x - y).is_nan() { f64::INFINITY } else { (x - y).abs() }).fold(0.0, f64::max)
}
