// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Triangles that cross the near plane or the field polygon: Sutherland and Hodgman, Comm. ACM 17(1), 1974.

use crate::camera::{Camera, SIDES};
use crate::fill::{Corner, Painter};
use crate::project::{point, Pose};

const MOST: usize = 3 + 1 + SIDES;

/// A corner in the camera frame, with its shade.
#[derive(Clone, Copy, Default)]
pub struct Vertex {
    p: [f64; 3],
    shade: f64,
}

impl Vertex {
    pub fn new(vertices: &[f32], index: usize, pose: &Pose, shade: f32) -> Self {
        Vertex { p: pose.apply(&point(vertices, index)), shade: f64::from(shade) }
    }

    fn corner(&self, camera: &Camera) -> Corner {
        let [x, y] = camera.pixel(&self.p);
        Corner { x, y, invz: (1.0 / self.p[2]) as f32, shade: self.shade as f32 }
    }
}

/// Clips, projects and fills what is left as a fan.
pub fn draw(corners: &[Vertex; 3], camera: &Camera, painter: &mut Painter) {
    let mut polygon = [Vertex::default(); MOST];
    polygon[..3].copy_from_slice(corners);
    let mut count = 3;
    for plane in 0..=SIDES {
        let mut next = [Vertex::default(); MOST];
        count = clip(&polygon[..count], camera, plane, &mut next);
        polygon = next;
    }
    for i in 2..count {
        painter.triangle(&[polygon[0], polygon[i - 1], polygon[i]].map(|v| v.corner(camera)));
    }
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
