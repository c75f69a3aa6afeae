// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Which triangles are drawn, where: facing, culling, clipping, and halving of what the distortion bends.

use crate::bins::{span, Span, NOWHERE};
use crate::camera::{Camera, REJECT};
use crate::fill::{area, SHIFT, SUBPIXEL};
use crate::prepare::{cross, dot};
use crate::project::{Corner, Pose, Vertex};
use crate::{clip, split, union, Rectangle};

/// Words of a triangle that is not resident: three corners.
pub const EXTRA: usize = 12;

/// The picture's size, and how many pixels beyond a tile its primitives are needed.
#[derive(Clone, Copy)]
pub struct Grid {
    pub width: i32,
    pub height: i32,
    pub apron: i32,
}

impl Grid {
    /// Tiles of a rectangle of pixels (inclusive), grown by the apron; and the part of it that is in the picture.
    #[inline(always)]
    pub fn place(&self, x0: i32, y0: i32, x1: i32, y1: i32, bounds: &mut Rectangle) -> Span {
        let a = self.apron;
        if x0 > x1 || y0 > y1 || x1 < -a || y1 < -a || x0 >= self.width + a || y0 >= self.height + a {
            return NOWHERE;
        }
        let within = [x0.max(0), y0.max(0), (x1 + 1).min(self.width), (y1 + 1).min(self.height)];
        *bounds = union(*bounds, within);
        let x = [(x0 - a).clamp(0, self.width - 1), (x1 + a).clamp(0, self.width - 1)];
        let y = [(y0 - a).clamp(0, self.height - 1), (y1 + a).clamp(0, self.height - 1)];
        span(x[0] as usize, x[1] as usize, y[0] as usize, y[1] as usize)
    }

    #[inline(always)]
    fn triangle(&self, c: &[Corner; 3], bounds: &mut Rectangle) -> Span {
        let x0 = (c[0].x.min(c[1].x).min(c[2].x) + SUBPIXEL - 1) >> SHIFT;
        let y0 = (c[0].y.min(c[1].y).min(c[2].y) + SUBPIXEL - 1) >> SHIFT;
        let x1 = c[0].x.max(c[1].x).max(c[2].x) >> SHIFT;
        let y1 = c[0].y.max(c[1].y).max(c[2].y) >> SHIFT;
        self.place(x0, y0, x1, y1, bounds)
    }
}

/// One mesh of the frame: its part of the resident arrays, projected.
pub struct MeshView<'a> {
    pub vertices: &'a [f32],
    pub normals: &'a [f32],
    pub triangles: &'a [u32],
    pub edges: &'a [u32],
    pub corners: &'a [u32],
    pub code: &'a [u8],
    pub pose: &'a Pose,
    pub camera: &'a Camera,
}

impl MeshView<'_> {
    #[inline(always)]
    pub fn corner(&self, i: usize) -> Corner {
        Corner::load(&self.corners[4 * i..4 * i + 4])
    }

    pub fn vertex(&self, i: usize) -> Vertex {
        Vertex::new(self.vertices, self.normals, i, self.pose)
    }
}

/// Triangles made this frame: `count` of them are used.
pub struct Extras<'a> {
    pub corners: &'a mut [u32],
    pub spans: &'a mut [Span],
    pub count: usize,
}

impl Extras<'_> {
    fn push(&mut self, t: &[Vertex; 3], camera: &Camera, grid: &Grid, bounds: &mut Rectangle) -> bool {
        let c = [0, 1, 2].map(|i| t[i].corner(camera));
        let span = grid.triangle(&c, bounds);
        if span == NOWHERE {
            return true;
        }
        let Some(out) = self.corners.get_mut(EXTRA * self.count..EXTRA * (self.count + 1)) else { return false };
        out.chunks_exact_mut(4).zip(&c).for_each(|(w, c)| w.copy_from_slice(&c.words()));
        self.spans[self.count] = span;
        self.count += 1;
        true
    }

    /// Halved where it is bent, unless little room is left; false where there is none.
    fn add(&mut self, t: &[Vertex; 3], camera: &Camera, grid: &Grid, bounds: &mut Rectangle) -> bool {
        if camera.straight() {
            return self.push(t, camera, grid, bounds);
        }
        let depth = if self.count > self.spans.len() / 4 * 3 { split::DEEPEST } else { 0 };
        split::triangle(t, camera, depth, &mut |t| self.push(t, camera, grid, bounds))
    }
}

/// Fills `facing` (1 for a front) and `spans` of a mesh's triangles; `cull` is the facing that is not drawn, if any.
/// Returns false where there is no room for the triangles that were clipped or halved.
pub fn faces(
    mesh: &MeshView,
    cull: Option<u8>,
    grid: &Grid,
    facing: &mut [u8],
    spans: &mut [Span],
    extras: &mut Extras,
    bounds: &mut Rectangle,
) -> bool {
    let bends = !mesh.camera.straight();
    let long = (mesh.camera.short() as i32) << SHIFT;
    for ((t, facing), span) in mesh.triangles.chunks_exact(3).zip(facing).zip(spans) {
        let i = [t[0] as usize, t[1] as usize, t[2] as usize];
        let code = i.map(|i| mesh.code[i]);
        *span = NOWHERE;
        if code[0] | code[1] | code[2] == 0 {
            let c = i.map(|i| mesh.corner(i));
            let area = area(&c[0], &c[1], &c[2]);
            *facing = u8::from(area < 0);
            if area == 0 || cull == Some(*facing) {
                continue;
            }
            let wide = |a: i32, b: i32, c: i32| a.max(b).max(c) - a.min(b).min(c) > long;
            if bends && (wide(c[0].x, c[1].x, c[2].x) || wide(c[0].y, c[1].y, c[2].y)) {
                let v = i.map(|i| mesh.vertex(i));
                if [0, 1, 2].iter().any(|k| split::bent(&v[*k], &v[(*k + 1) % 3], mesh.camera)) {
                    if !extras.add(&v, mesh.camera, grid, bounds) {
                        return false;
                    }
                    continue;
                }
            }
            *span = grid.triangle(&c, bounds);
        } else {
            let v = i.map(|i| mesh.vertex(i));
            *facing = u8::from(dot(&v[0].p, &cross(&v[1].p, &v[2].p)) < 0.0);
            if code[0] & code[1] & code[2] & REJECT != 0 || cull == Some(*facing) {
                continue;
            }
            let mut polygon = [Vertex::default(); clip::MOST];
            let count = clip::polygon(&v, mesh.camera, &mut polygon);
            for k in 2..count {
                if !extras.add(&[polygon[0], polygon[k - 1], polygon[k]], mesh.camera, grid, bounds) {
                    return false;
                }
            }
        }
    }
    true
}
