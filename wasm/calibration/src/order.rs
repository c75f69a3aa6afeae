// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Order statistics in place.

/// The value at share `q` (0 to 1) of the sorted values, the lower of two; reorders them. None of none.
pub fn quantile(values: &mut [f64], q: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let (_, found, _) = values.select_nth_unstable_by((q * last as f64) as usize, f64::total_cmp);
    Some(*found)
}
