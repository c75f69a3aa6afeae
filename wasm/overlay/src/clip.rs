// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Triangles and lines that cross the near plane or the field polygon: Sutherland and Hodgman, Comm. ACM 17(1), 1974.

use crate::camera::{Camera, SIDES};
use crate::project::Vertex;

/// Corners that a triangle can have once it is clipped.
pub const MOST: usize = 3 + 1 + SIDES;

/// Clips a triangle; returns how many corners of the polygon are left.
pub fn polygon(corners: &[Vertex; 3], camera: &Camera, polygon: &mut [Vertex; MOST]) -> usize {
    polygon[..3].copy_from_slice(corners);
    let mut count = 3;
    for plane in 0..=SIDES {
        let mut next = [Vertex::default(); MOST];
        count = clip(&polygon[..count], camera, plane, &mut next);
        *polygon = next;
    }
    count
}

/// Clips a line; None where nothing is left.
pub fn line(a: &Vertex, b: &Vertex, camera: &Camera) -> Option<[Vertex; 2]> {
    let (mut a, mut b) = (*a, *b);
    for plane in 0..=SIDES {
        let (da, db) = (camera.inside(&a.p, plane), camera.inside(&b.p, plane));
        match (da >= 0.0, db >= 0.0) {
            (false, false) => return None,
            (true, false) => b = between(&a, &b, da, db),
            (false, true) => a = between(&b, &a, db, da),
            (true, true) => {}
        }
    }
    Some([a, b])
}

/// Keeps what lies inside one plane; a convex polygon gains at most one vertex.
fn clip(polygon: &[Vertex], camera: &Camera, plane: usize, out: &mut [Vertex; MOST]) -> usize {
    let mut count = 0;
    for (i, b) in polygon.iter().enumerate() {
        let a = &polygon[(i + polygon.len() - 1) % polygon.len()];
        let (da, db) = (camera.inside(&a.p, plane), camera.inside(&b.p, plane));
        if (da >= 0.0) != (db >= 0.0) && count < MOST {
            out[count] = if da >= 0.0 { between(a, b, da, db) } else { between(b, a, db, da) };
            count += 1;
        }
        if db >= 0.0 && count < MOST {
            out[count] = *b;
            count += 1;
        }
    }
    count
}

/// Always from the inside to the outside, so that two triangles of one edge get the same point.
fn between(inside: &Vertex, outside: &Vertex, di: f64, d_o: f64) -> Vertex {
    let t = di / (di - d_o);
    let mix = |a: f64, b: f64| a + t * (b - a);
    Vertex { p: core::array::from_fn(|k| mix(inside.p[k], outside.p[k])), shade: mix(inside.shade, outside.shade) }
}
