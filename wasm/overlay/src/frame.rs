// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The first call of a frame: vertices, triangles, edges, and which tile they touch.

use core::ops::Range;

use crate::bins::{Bins, Ranges, TILE};
use crate::camera::{Camera, REJECT};
use crate::faces::{faces, Extras, Grid, MeshView};
use crate::lines::{lines, Segments};
use crate::look::Look;
use crate::prepare::{CLOSED_IN, CLOSED_OUT, ROW};
use crate::project::{behind, vertices, Pose};
use crate::stroke::{reach, BESIDE_PX};
use crate::{Rectangle, Resident, Scene, Work, EMPTY, STYLE};

/// Words of a slot: mesh, ranges of resident triangles, made triangles, segments, large triangles and large segments.
pub const SLOT: usize = 12;

/// What `render` has to know of `project`: the part of the image that is touched, and how many meshes are in it. Of `share`
/// = (k, n) every n-th row of tiles, from the k-th on, is drawn, and nothing else is touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub region: Rectangle,
    pub slots: usize,
    pub apron: usize,
    pub share: [usize; 2],
}

/// A visible mesh with something before the camera.
#[derive(Clone, Default)]
pub(crate) struct Slot {
    pub mesh: usize,
    pub triangles: Range<usize>,
    pub made: Range<usize>,
    pub segments: Range<usize>,
    pub large_triangles: Range<usize>,
    pub large_segments: Range<usize>,
}

impl Slot {
    pub fn load(w: &[u32]) -> Self {
        let r = |i: usize| w[i] as usize..w[i + 1] as usize;
        let mesh = w[0] as usize;
        Slot { mesh, triangles: r(1), made: r(3), segments: r(5), large_triangles: r(7), large_segments: r(9) }
    }
}

/// The words of scratch, cut: segments' spans, counts and items of triangles' and segments' bins, slots.
pub(crate) struct Cut<'a> {
    pub segment_spans: &'a mut [u32],
    pub counts: [&'a mut [u32]; 2],
    pub items: [&'a mut [u32]; 2],
    pub slots: &'a mut [u32],
}

pub(crate) fn cut<'a>(words: &'a mut [u32], segments: usize, cells: usize, drawn: usize, meshes: usize) -> Cut<'a> {
    let (segment_spans, rest) = words.split_at_mut(segments);
    let (a, rest) = rest.split_at_mut(cells);
    let (b, rest) = rest.split_at_mut(cells);
    let (c, rest) = rest.split_at_mut(4 * drawn);
    let (d, rest) = rest.split_at_mut(4 * segments);
    Cut { segment_spans, counts: [a, b], items: [c, d], slots: &mut rest[..SLOT * meshes] }
}

impl Scene<'_> {
    pub(crate) fn style(&self, mesh: usize) -> &[f32] {
        &self.styles[STYLE * mesh..STYLE * (mesh + 1)]
    }

    /// Visible meshes, occluders first.
    fn drawn(&self) -> impl Iterator<Item = usize> + '_ {
        let of = |occluder: bool| {
            let fits = move |m: &usize| self.style(*m)[5] > 0.0 && (self.style(*m)[9] > 0.0) == occluder;
            (0..self.select.len()).filter(fits)
        };
        of(true).chain(of(false))
    }

    /// Vertices move outward, whichever way a closed mesh's triangles run.
    pub(crate) fn pose(&self, mesh: usize, row: &[u32]) -> Pose {
        let sign = if row[6] == CLOSED_IN { -1.0 } else { 1.0 };
        Pose::from_slice(&self.poses[12 * mesh..12 * mesh + 12], sign * f64::from(self.style(mesh)[10]))
    }

    fn finite(&self) -> bool {
        let n = self.select.len();
        let numbers = self.styles[..STYLE * n].iter().map(|v| f64::from(*v));
        numbers.chain(self.poses[..12 * n].iter().copied()).all(f64::is_finite)
    }
}

/// The ranges of a table's row: vertices, triangles, edges; None where it is not there.
fn ranges(table: &[u32], row: u32) -> Option<(Range<usize>, Range<usize>, Range<usize>, &[u32])> {
    let w = table.get(ROW * row as usize..ROW * (row as usize + 1))?;
    let r = |i: usize| w[i] as usize..(w[i] + w[i + 1]) as usize;
    Some((r(0), r(2), r(4), w))
}

/// The facing of a closed mesh that cannot be seen: the eye is outside of its bounds.
fn hidden_facing(row: &[u32], pose: &Pose, any: u8) -> Option<u8> {
    let bound = |i: usize| f64::from(f32::from_bits(row[8 + i]));
    let grown = pose.inflate.abs();
    let outside = (0..3).any(|k| pose.eye[k] < bound(k) - grown || pose.eye[k] > bound(3 + k) + grown);
    match row[6] {
        _ if !outside || behind(any) => None,
        CLOSED_OUT => Some(0),
        CLOSED_IN => Some(1),
        _ => None,
    }
}

/// Why there is no plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A pose, a style or a row is not usable.
    Input,
    /// There is no room for what was clipped or halved.
    Room,
}

/// Finds what is drawn where.
pub fn project(
    resident: &Resident,
    scene: &Scene,
    camera: &Camera,
    look: &Look,
    work: &mut Work,
    width: usize,
    height: usize,
) -> Result<Plan, Refusal> {
    if !scene.finite() {
        return Err(Refusal::Input);
    }
    let widest = scene.drawn().map(|m| scene.style(m)[7]).fold(1.0, f32::max).min(6.0);
    let apron = libm::ceilf(reach(widest) + BESIDE_PX + 0.5) as i32;
    let grid = Grid { width: width as i32, height: height as i32, apron };
    let (columns, tiles) = (width.div_ceil(TILE), width.div_ceil(TILE) * height.div_ceil(TILE));
    let (resident_triangles, drawn) = (resident.triangles.len() / 3, work.spans.len());
    let room = work.segments.len() / crate::lines::SEGMENT;
    let meshes = scene.select.len();
    let cut = cut(work.words, room, meshes * tiles + 1, drawn, meshes);
    let (spans, made_spans) = work.spans.split_at_mut(resident_triangles);
    let mut extras = Extras { corners: work.extra, spans: made_spans, count: 0 };
    let mut segments = Segments { words: work.segments, spans: cut.segment_spans, count: 0 };
    let (mut slots, mut bounds) = (0, EMPTY);
    for mesh in scene.drawn() {
        let (vertex, triangle, edge, row) = ranges(resident.table, scene.select[mesh]).ok_or(Refusal::Input)?;
        let pose = scene.pose(mesh, row);
        let (all, any) =
            vertices(resident.vertices, resident.normals, vertex.clone(), &pose, camera, work.corners, work.code);
        if all & REJECT != 0 {
            continue;
        }
        let view = MeshView {
            vertices: &resident.vertices[3 * vertex.start..3 * vertex.end],
            normals: &resident.normals[3 * vertex.start..3 * vertex.end],
            triangles: &resident.triangles[3 * triangle.start..3 * triangle.end],
            edges: &resident.edges[4 * edge.start..4 * edge.end],
            corners: &work.corners[4 * vertex.start..4 * vertex.end],
            code: &work.code[vertex],
            pose: &pose,
            camera,
        };
        let cull = hidden_facing(row, &pose, any);
        let (made, segment) = (extras.count, segments.count);
        let facing = &mut work.facing[triangle.clone()];
        if !faces(&view, cull, &grid, facing, &mut spans[triangle.clone()], &mut extras, &mut bounds) {
            return Err(Refusal::Room);
        }
        let style = scene.style(mesh);
        let half = libm::ceilf(reach(style[7].min(6.0)) * 256.0) as i32;
        if !lines(&view, facing, style[6] > 0.0, half, &grid, &mut segments, &mut bounds) {
            return Err(Refusal::Room);
        }
        let n = |v: usize| v as u32;
        cut.slots[SLOT * slots..SLOT * slots + 7].copy_from_slice(&[
            n(mesh),
            n(triangle.start),
            n(triangle.end),
            n(made),
            n(extras.count),
            n(segment),
            n(segments.count),
        ]);
        slots += 1;
    }
    let [triangle_counts, segment_counts] = cut.counts;
    let [triangle_items, segment_items] = cut.items;
    let segment_spans = segments.spans;
    let words = &mut cut.slots[..SLOT * slots];
    let mut triangle_bins = Bins { columns, tiles, counts: triangle_counts, items: triangle_items };
    triangle_bins.sort(work.spans, words, 7, |s| {
        [s.triangles.clone(), resident_triangles + s.made.start..resident_triangles + s.made.end]
    });
    let mut segment_bins = Bins { columns, tiles, counts: segment_counts, items: segment_items };
    segment_bins.sort(segment_spans, words, 9, |s| -> Ranges { [s.segments.clone(), 0..0] });
    let region = crate::union(bounds, look.bounds(width, height));
    Ok(Plan { region, slots, apron: apron as usize, share: [0, 1] })
}
