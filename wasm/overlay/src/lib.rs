// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Translucent meshes over a camera image: a triangle rasteriser whose coverage is exact on a grid of 1/256 px.
//!
//! Rules (the numpy twin follows the same): OpenCV pixels (u, v) with integer centres; vertices go through T_cam_mesh,
//! the near plane, the field polygon, Brown-Conrady distortion, then snap to 1/256 px; the top-left rule decides edges;
//! 1/z is linear on the screen. Each visible mesh is drawn as its nearest surface alone, meshes in the order of their
//! nearest vertex, farthest first, so that a vessel inside a liver lies under the liver's translucent shell. Straight
//! edges stay straight between distorted vertices: meshes are expected to be fine compared with the distortion.
#![no_std]
#![forbid(unsafe_code)]

mod blend;
mod camera;
mod clip;
mod composite;
mod fill;
mod lanes;
mod normals;
mod project;

pub use camera::{Camera, NEAR_M};
pub use fill::{Corner, Layer, SUBPIXEL};
pub use normals::prepare;
pub use project::Projected;

use project::Pose;

/// x0, y0, x1, y1 in pixels, the last two exclusive; empty where x1 <= x0.
pub type Rectangle = [i32; 4];
/// The rectangle of nothing.
pub const EMPTY: Rectangle = [0; 4];

/// What is drawn into: bgr image, depth (metres, inf for nothing), ids (0 for nothing), and a row of scratch.
pub struct Target<'a> {
    pub width: usize,
    pub height: usize,
    pub image: &'a mut [u8],
    pub depth: &'a mut [f32],
    pub ids: &'a mut [u8],
    pub mask: &'a mut [u8],
}

/// The meshes, resident; `table` has four numbers a mesh (first vertex, vertices, first triangle, triangles), `poses`
/// twelve (T_cam_mesh's upper rows), `styles` eight (r, g, b 0-255, fill, outline 0-1, visible, two spare).
pub struct Scene<'a> {
    pub vertices: &'a [f32],
    pub normals: &'a [f32],
    pub triangles: &'a [u32],
    pub table: &'a [u32],
    pub poses: &'a [f64],
    pub styles: &'a [f32],
}

impl Scene<'_> {
    fn span(&self, mesh: usize, column: usize) -> core::ops::Range<usize> {
        let first = self.table[4 * mesh + column] as usize;
        first..first + self.table[4 * mesh + column + 1] as usize
    }

    fn visible(&self, mesh: usize) -> bool {
        self.styles[8 * mesh + 5] > 0.0
    }
}

/// Draws the scene; `drawn` is the rectangle of the previous call, whose depth and ids are emptied first. Returns the
/// rectangle of this call, or None where a pose or style is not finite.
#[allow(clippy::too_many_arguments)]
pub fn render(
    mut target: Target,
    mut layer: Layer,
    scene: &Scene,
    camera: &Camera,
    mut projected: Projected,
    order: &mut [u32],
    nearest: &mut [f64],
    drawn: Rectangle,
) -> Option<Rectangle> {
    let meshes = scene.table.len() / 4;
    let numbers = scene.styles[..8 * meshes].iter().map(|v| f64::from(*v));
    if !numbers.chain(scene.poses[..12 * meshes].iter().copied()).all(f64::is_finite) {
        return None;
    }
    composite::clear(&mut target, drawn);
    let count = project_visible(scene, camera, &mut projected, order, nearest);
    let order = &mut order[..count];
    order.sort_unstable_by(|a, b| nearest[*b as usize].total_cmp(&nearest[*a as usize]).then(a.cmp(b)));
    let mut touched = EMPTY;
    let step = composite::threshold(camera.fx);
    for mesh in order.iter().map(|m| *m as usize) {
        let mut painter = fill::Painter::new(&mut layer, target.width, target.height);
        draw_mesh(scene, camera, &projected, mesh, &mut painter);
        let bounds = painter.bounds();
        composite::composite(&mut target, &mut layer, bounds, mesh, &scene.styles[8 * mesh..8 * mesh + 8], step);
        touched = union(touched, bounds);
    }
    Some(touched)
}

/// Projects every visible mesh and lists those that have something in front of the camera.
fn project_visible(
    scene: &Scene,
    camera: &Camera,
    out: &mut Projected,
    order: &mut [u32],
    nearest: &mut [f64],
) -> usize {
    let mut count = 0;
    for mesh in (0..scene.table.len() / 4).filter(|m| scene.visible(*m)) {
        let pose = Pose::from_slice(&scene.poses[12 * mesh..12 * mesh + 12]);
        if let Some(z) = project::vertices(scene.vertices, scene.normals, scene.span(mesh, 0), &pose, camera, out) {
            nearest[mesh] = z;
            order[count] = mesh as u32;
            count += 1;
        }
    }
    count
}

fn draw_mesh(scene: &Scene, camera: &Camera, projected: &Projected, mesh: usize, painter: &mut fill::Painter) {
    let base = scene.span(mesh, 0).start;
    let triangles = scene.span(mesh, 2);
    let pose = Pose::from_slice(&scene.poses[12 * mesh..12 * mesh + 12]);
    for t in scene.triangles[3 * triangles.start..3 * triangles.end].chunks_exact(3) {
        let index = [base + t[0] as usize, base + t[1] as usize, base + t[2] as usize];
        let code = index.map(|i| projected.code[i]);
        if code[0] | code[1] | code[2] == 0 {
            painter.triangle(&index.map(|i| projected.corner(i)));
        } else if code[0] & code[1] & code[2] & camera::REJECT == 0 {
            let corners = index.map(|i| clip::Vertex::new(scene.vertices, i, &pose, projected.shade[i]));
            clip::draw(&corners, camera, painter);
        }
    }
}

fn union(a: Rectangle, b: Rectangle) -> Rectangle {
    if b[2] <= b[0] {
        a
    } else if a[2] <= a[0] {
        b
    } else {
        [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]
    }
}
