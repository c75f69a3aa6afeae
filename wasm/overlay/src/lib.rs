// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Translucent meshes over a camera image: a tiled triangle rasteriser whose coverage is exact on a grid of 1/256 px.
//!
//! Rules (the numpy twin follows the same): OpenCV pixels (u, v) with integer centres; vertices go through T_cam_mesh,
//! the near plane, the field polygon, the distortion, then snap to 1/256 px; the top-left rule decides edges; 1/z is
//! linear on the screen. Triangles and lines that the distortion bends are halved (split.rs). Each visible mesh is drawn as
//! its nearest surface alone, meshes in the order of that surface's depth pixel by pixel. Lines are drawn where the facing
//! changes, at boundaries, and at creases, by the distance to them; the fill's outer edge is softened by the same distance.
//!
//! A frame is two calls: `project` finds what is drawn where, and so which part of the image is needed; `render` draws it.
#![no_std]
#![forbid(unsafe_code)]

mod bins;
mod blend;
mod camera;
mod clip;
mod edges;
mod faces;
mod fill;
mod frame;
mod lanes;
mod lines;
mod look;
mod prepare;
mod project;
mod shade;
mod split;
mod stroke;
mod tile;

pub use camera::{Camera, NEAR_M};
pub use edges::NONE as NO_FACE;
pub use fill::SUBPIXEL;
pub use frame::{project, Plan, Refusal};
pub use look::Look;
pub use prepare::{prepare, scratch as prepare_scratch, ROW};
pub use tile::render;

/// x0, y0, x1, y1 in pixels, the last two exclusive; empty where x1 <= x0.
pub type Rectangle = [i32; 4];
/// The rectangle of nothing.
pub const EMPTY: Rectangle = [0; 4];
/// Numbers of a style: r, g, b (0-255, or b, g, r for an image in that order), fill, outline, visible, crease, width (px),
/// dashed, occluder, inflate (m), shell (above 0: neither depth nor id), spare.
pub const STYLE: usize = 16;

/// What is drawn into: bgr image, depth (metres, inf for nothing), ids (0 for nothing); `mask` is read where the look says
/// so, and has MASK_TAIL more entries of scratch; `dirty` remembers, tile by tile, what is not empty.
pub struct Target<'a> {
    pub width: usize,
    pub height: usize,
    pub image: &'a mut [u8],
    pub depth: &'a mut [f32],
    pub ids: &'a mut [u8],
    pub mask: &'a mut [u8],
    pub dirty: &'a mut [i32],
}

/// The meshes and their levels, resident; `table` as `prepare` left it.
pub struct Resident<'a> {
    pub vertices: &'a [f32],
    pub normals: &'a [f32],
    pub triangles: &'a [u32],
    pub edges: &'a [u32],
    pub table: &'a [u32],
}

/// One frame's wishes: for each mesh its row of the table, twelve numbers of T_cam_mesh, STYLE numbers.
pub struct Scene<'a> {
    pub select: &'a [u32],
    pub poses: &'a [f64],
    pub styles: &'a [f32],
}

/// Scratch; lengths as `sizes` says.
pub struct Work<'a> {
    pub corners: &'a mut [u32],
    pub code: &'a mut [u8],
    pub facing: &'a mut [u8],
    pub spans: &'a mut [u32],
    pub extra: &'a mut [u32],
    pub segments: &'a mut [u32],
    pub words: &'a mut [u32],
    pub floats: &'a mut [f32],
    pub colours: &'a mut [u32],
}

/// Lengths of the arrays.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    pub edges: u64,
    pub corners: u64,
    pub spans: u64,
    pub extra: u64,
    pub segments: u64,
    pub words: u64,
    pub floats: u64,
    pub colours: u64,
    pub mask: u64,
    pub tiles: u64,
}

/// The lengths that a picture, resident vertices and triangles, and meshes of a frame need.
pub fn sizes(width: u64, height: u64, vertices: u64, triangles: u64, meshes: u64) -> Sizes {
    let side = bins::TILE as u64;
    let tiles = width.div_ceil(side) * height.div_ceil(side);
    let made = triangles.saturating_mul(2).min(1 << 18) + (1 << 14);
    let segments = triangles.saturating_mul(3) + (1 << 14);
    let (drawn, cells) = (triangles.saturating_add(made), meshes.saturating_mul(tiles) + 1);
    let frame = [segments, 2 * cells, drawn.saturating_mul(4), segments.saturating_mul(4), meshes * frame::SLOT as u64];
    let frame = frame.iter().fold(0u64, |a, b| a.saturating_add(*b));
    let once = vertices.saturating_mul(3).saturating_add(triangles.saturating_mul(3)) + 1;
    let area = blend::AREA as u64;
    Sizes {
        edges: triangles.saturating_mul(12),
        corners: vertices.saturating_mul(4),
        spans: drawn,
        extra: made * faces::EXTRA as u64,
        segments: segments.saturating_mul(lines::SEGMENT as u64),
        words: frame.max(once),
        floats: (meshes + 1).saturating_mul(area) + tile::FLOATS as u64,
        colours: (meshes + 2).saturating_mul(area),
        mask: width * height + tile::MASK_TAIL as u64,
        tiles,
    }
}

pub(crate) fn union(a: Rectangle, b: Rectangle) -> Rectangle {
    if b[2] <= b[0] || b[3] <= b[1] {
        a
    } else if a[2] <= a[0] || a[3] <= a[1] {
        b
    } else {
        [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]
    }
}
