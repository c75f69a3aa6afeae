// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! What holds for a whole frame: depth cue, see-through window, instrument mask.

use crate::bins::TILE;
use crate::Rectangle;

/// How a frame is drawn.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// Depth cue 0-1, the depth where it begins, one over its range.
    pub cue: [f32; 3],
    /// Centre, radius, rim (pixels), and what is kept of the image inside.
    pub window: Option<[f32; 5]>,
    /// Whether there is a mask.
    pub masked: bool,
}

impl Look {
    /// From depth cue, near, far, window (0 or 1), u, v, radius, rim, keep, mask (0 or 1); None where one is not usable.
    pub fn from_slice(v: &[f64]) -> Option<Self> {
        let v: [f64; 10] = v.get(..10)?.try_into().ok()?;
        if v.iter().any(|x| !x.is_finite()) || (v[0] > 0.0 && v[2] <= v[1]) || (v[3] > 0.0 && v[7] <= 0.0) {
            return None;
        }
        let f = v.map(|x| x as f32);
        let scale = if v[2] > v[1] { (1.0 / (v[2] - v[1])) as f32 } else { 1.0 };
        let window = (v[3] > 0.0).then_some([f[4], f[5], f[6], f[7], f[8]]);
        Some(Look { cue: [f[0], f[1], scale], window, masked: v[9] > 0.0 })
    }

    /// The pixels that the window can touch.
    pub fn bounds(&self, width: usize, height: usize) -> Rectangle {
        let Some([u, v, radius, _, _]) = self.window else { return crate::EMPTY };
        let at = |x: f32, most: usize| (x as i32).clamp(0, most as i32);
        let (x0, x1) = (at(u - radius, width), at(u + radius + 2.0, width));
        let (y0, y1) = (at(v - radius, height), at(v + radius + 2.0, height));
        if x0 < x1 && y0 < y1 {
            [x0, y0, x1, y1]
        } else {
            crate::EMPTY
        }
    }

    /// Fills a tile's weights: 1 inside of the window's rim, 0 outside of its radius; returns the largest.
    pub fn weights(&self, x: usize, y: usize, out: &mut [f32]) -> f32 {
        let Some([u, v, radius, rim, _]) = self.window else { return 0.0 };
        let mut most = 0.0f32;
        for (j, row) in out.chunks_exact_mut(TILE).enumerate() {
            let dy = (y + j) as f32 - v;
            for (i, w) in row.iter_mut().enumerate() {
                let dx = (x + i) as f32 - u;
                let r = crate::project::sqrt(f64::from(dx * dx + dy * dy)) as f32;
                *w = ((radius - r) / rim).max(0.0).min(1.0);
                most = most.max(*w);
            }
        }
        most
    }

    /// The window's darkness as a fragment.
    pub fn dark(&self, weight: f32) -> u32 {
        self.window.map_or(0, |w| ((weight * (1.0 - w[4]) * 255.0 + 0.5) as u32) << 24)
    }
}
