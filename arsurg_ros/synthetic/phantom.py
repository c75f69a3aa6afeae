# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The anatomy of the synthetic patient: closed triangle meshes in ct (x left, y posterior, z superior), metres.

Everything inside the organ is placed in the coordinates of the unit ball and sent through the organ's own deformation, so
that it lies inside whatever the shape.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from arsurg_ros.types import F64, Mesh

PORTAL = (
    ((-0.10, 0.55, -0.62), (-0.08, 0.20, -0.42), (-0.06, 0.04, -0.20), (-0.02, 0.0, -0.02)),
    ((-0.02, 0.0, -0.02), (-0.28, -0.05, 0.08), (-0.48, -0.08, 0.22), (-0.66, -0.06, 0.30)),
    ((-0.02, 0.0, -0.02), (0.20, -0.02, 0.10), (0.44, -0.02, 0.12), (0.70, 0.0, 0.10)),
    ((-0.40, -0.07, 0.16), (-0.50, -0.14, -0.06), (-0.60, -0.18, -0.26)),
    ((-0.48, -0.08, 0.22), (-0.46, -0.20, 0.42), (-0.40, -0.24, 0.60)),
    ((0.36, -0.02, 0.12), (0.46, -0.16, 0.26), (0.52, -0.20, 0.42)),
    ((0.44, -0.02, 0.12), (0.58, 0.06, -0.06), (0.66, 0.08, -0.18)),
    ((-0.16, -0.03, 0.05), (-0.20, -0.24, -0.20), (-0.26, -0.34, -0.40)),
)
PORTAL_RADII_M = (0.0062, 0.0050, 0.0045, 0.0034, 0.0032, 0.0030, 0.0028, 0.0030)
HEPATIC = (
    ((0.04, 0.30, 0.86), (0.02, 0.16, 0.66), (0.0, 0.08, 0.46), (-0.02, 0.04, 0.30)),
    ((0.02, 0.16, 0.66), (-0.22, 0.14, 0.56), (-0.46, 0.18, 0.40), (-0.62, 0.22, 0.10)),
    ((0.02, 0.16, 0.66), (0.26, 0.14, 0.52), (0.46, 0.16, 0.36), (0.64, 0.18, 0.22)),
    ((-0.02, 0.04, 0.32), (-0.06, -0.10, 0.12), (-0.06, -0.24, -0.14), (-0.10, -0.32, -0.34)),
)
HEPATIC_RADII_M = (0.0055, 0.0040, 0.0038, 0.0042)


ICOSAHEDRON = (
    *('0b5', '051', '017', '07a', '0ab', '159', '5b4', 'ba2', 'a76', '718'),
    *('394', '342', '326', '368', '389', '495', '24b', '62a', '867', '981'),
)


def phantom_meshes() -> list[Mesh]:
    """Return liver, tumour, portal_vein and hepatic_vein: closed, outward-facing, in ct, metres."""
    return list(_meshes())


@lru_cache(maxsize=1)
def _meshes() -> tuple[Mesh, ...]:
    directions, triangles = icosphere(4)
    liver = Mesh('liver', deform(directions).astype(np.float32), triangles)
    return (
        liver,
        _tumour(),
        _tree('portal_vein', PORTAL, PORTAL_RADII_M),
        _tree('hepatic_vein', HEPATIC, HEPATIC_RADII_M),
    )


def deform(p_unit: F64) -> F64:
    """Return ct points (N, 3), metres, of points (N, 3) of the unit ball: the liver's shape.

    A wedge: thick right lobe (x < 0), thin left lobe, domed towards the diaphragm (z > 0), hollowed underneath.
    """
    x, y, z = p_unit.T
    lobe = 0.5 * (1.0 - x)  # 1 far right, 0 far left
    thick = 0.34 + 0.66 * np.sin(0.5 * np.pi * np.clip(lobe * 1.25, 0.0, 1.0))
    deep = np.where(y > 0, 0.90, 1.0) * (0.45 + 0.55 * thick)
    tall = np.where(z > 0, 1.0 - 0.10 * x, 0.92 + 0.30 * lobe - 0.22 * np.exp(-(((x - 0.30) / 0.16) ** 2)))
    out_x = 0.082 * x + 0.006 * z
    out_y = 0.034 * y * deep - 0.007 * (1.0 - x * x) - 0.006 * z * (y > 0) * y
    out_z = 0.060 * z * (0.30 + 0.70 * thick) * tall + 0.012 * x + 0.010 * (1.0 - x * x)
    return np.stack([out_x, out_y, out_z], axis=1)


def icosphere(subdivisions: int) -> tuple[F64, np.ndarray[tuple[int, ...], np.dtype[np.uint32]]]:
    """Return unit vertices (V, 3) and outward triangles (20 * 4**subdivisions, 3) uint32."""
    g = (1 + 5**0.5) / 2
    v: list[tuple[float, float, float]] = [(-1, g, 0), (1, g, 0), (-1, -g, 0), (1, -g, 0)]
    v += [(0, -1, g), (0, 1, g), (0, -1, -g), (0, 1, -g)]
    v += [(g, 0, -1), (g, 0, 1), (-g, 0, -1), (-g, 0, 1)]
    vertices = np.array(v, dtype=np.float64) / np.sqrt(1 + g * g)
    triangles = np.array([[int(c, 16) for c in f] for f in ICOSAHEDRON])
    for _ in range(subdivisions):
        vertices, triangles = _subdivide(vertices, triangles)
    return vertices, triangles.astype(np.uint32)


def _subdivide(vertices: F64, triangles: np.ndarray) -> tuple[F64, np.ndarray]:  # type: ignore[type-arg]
    edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    unique, where = np.unique(edges, axis=0, return_inverse=True)
    middle = vertices[unique].mean(axis=1)
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    ab, bc, ca = (len(vertices) + where.reshape(-1, 3)).T
    a, b, c = triangles.T
    parts = [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]
    return np.concatenate([vertices, middle]), np.concatenate([np.stack(p, axis=1) for p in parts])


def _tumour() -> Mesh:
    directions, triangles = icosphere(3)
    x, y, z = directions.T
    bumps = 1.0 + 0.09 * np.sin(5 * x + 1) * np.sin(4 * y) + 0.07 * np.sin(6 * z + 3 * x)
    centre = deform(np.array([[-0.44, -0.18, -0.12]]))[0]
    vertices = centre + 0.0105 * directions * bumps[:, None] * [1.1, 0.9, 1.0]
    return Mesh('tumour', vertices.astype(np.float32), triangles)


def _tree(name: str, branches: tuple[tuple[tuple[float, ...], ...], ...], radii_m: tuple[float, ...]) -> Mesh:
    """Return one mesh of capped tubes, each closed in itself, that run into one another."""
    vertices, triangles, count = [], [], 0
    for branch, radius in zip(branches, radii_m, strict=True):
        path = deform(_smooth(np.array(branch), 16))
        v, t = tube(path, np.linspace(radius, 0.55 * radius, len(path), dtype=np.float64))
        vertices.append(v)
        triangles.append(t + count)
        count += len(v)
    return Mesh(name, np.concatenate(vertices).astype(np.float32), np.concatenate(triangles).astype(np.uint32))


def _smooth(points: F64, samples: int) -> F64:
    """Return a Catmull-Rom curve (samples, 3) through points (N, 3), N >= 2."""
    padded = np.concatenate([[2 * points[0] - points[1]], points, [2 * points[-1] - points[-2]]])
    u = np.linspace(0, len(points) - 1 - 1e-9, samples)
    i, s = u.astype(int), (u % 1)[:, None]
    p0, p1, p2, p3 = (padded[i + k] for k in range(4))
    cubic = 2 * p1 + (p2 - p0) * s + (2 * p0 - 5 * p1 + 4 * p2 - p3) * s**2 + (3 * p1 - p0 - 3 * p2 + p3) * s**3
    return np.asarray(0.5 * cubic, dtype=np.float64)


def tube(path_m: F64, radius_m: F64, sides: int = 10) -> tuple[F64, np.ndarray]:  # type: ignore[type-arg]
    """Return vertices and triangles of a closed tube around a path (N, 3) with a radius (N,) at each point."""
    tangent = np.gradient(path_m, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    normal = np.cross(tangent, _transport(tangent))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)[None, :, None]
    around = np.cos(angle) * normal[:, None] + np.sin(angle) * np.cross(tangent, normal)[:, None]
    rings = path_m[:, None] + radius_m[:, None, None] * around
    ends = np.stack([path_m[0] - tangent[0] * radius_m[0] * 0.6, path_m[-1] + tangent[-1] * radius_m[-1] * 0.6])
    return np.concatenate([rings.reshape(-1, 3), ends]), _tube_triangles(len(path_m), sides)


def _transport(tangent: F64) -> F64:
    """Return a vector field (N, 3) along the path that turns with it as little as may be (parallel transport)."""
    first = np.eye(3)[int(np.argmin(np.abs(tangent[0])))]
    out = [first]
    for t in tangent[1:]:
        v = out[-1] - t * (t @ out[-1])
        out.append(v / np.linalg.norm(v))
    return np.array(out)


def _tube_triangles(rings: int, sides: int) -> np.ndarray:  # type: ignore[type-arg]
    i, j = np.meshgrid(np.arange(rings - 1), np.arange(sides), indexing='ij')
    a, b = (i * sides + j).ravel(), (i * sides + (j + 1) % sides).ravel()
    wall = np.concatenate([np.stack([a, b, b + sides], 1), np.stack([a, b + sides, a + sides], 1)])
    k, n = np.arange(sides), rings * sides
    first = np.stack([(k + 1) % sides, k, np.full(sides, n)], 1)
    last = np.stack([n - sides + k, n - sides + (k + 1) % sides, np.full(sides, n + 1)], 1)
    return np.concatenate([wall, first, last])
