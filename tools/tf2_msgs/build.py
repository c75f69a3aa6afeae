# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Builds tf2_msgs/msg/TFMessage against the ROS 2 wheels of the environment whose python runs this.

``python build.py OUT`` leaves the tree to copy into a prefix: ``OUT/lib/*.so``, ``OUT/site/tf2_msgs``, ``OUT/share``.
It calls the wheels' own generators and then the compiler, without colcon or CMake: the CMake files of the wheels name
folders of the machine they were built on.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

PACKAGE = 'tf2_msgs'
SOURCE = Path(__file__).resolve().parent
PREFIX = Path(sys.prefix)
#: Every interface package whose types TFMessage holds, nearest first.
DEPENDENCIES = ('geometry_msgs', 'std_msgs', 'builtin_interfaces')
#: Fast DDS serialises with the first and describes the type to its peers with the second.
IMPLEMENTATIONS = ('rosidl_typesupport_fastrtps_c', 'rosidl_typesupport_introspection_c')
#: One flag set for all: -O1 compiles in half the time of -O2, and nothing here is hot.
FLAGS = ('-O1', '-fPIC', '-shared', '-Wl,-rpath,$ORIGIN', '-Wl,--no-undefined')


def generate(out: Path) -> None:
    """Write the C, C++ and Python sources below ``out/<generator>/tf2_msgs``."""
    os.environ['AMENT_PREFIX_PATH'] = str(PREFIX)
    from rosidl_cli.command.hash.api import generate_type_hashes
    from rosidl_generator_c.cli import GenerateC
    from rosidl_generator_py.cli import GeneratePython
    from rosidl_typesupport_c.cli import GenerateCTypesupport
    from rosidl_typesupport_fastrtps_c.cli import GenerateFastRTPSCTypesupport
    from rosidl_typesupport_introspection_c.cli import GenerateIntrospectionCTypesupport

    interface = [f'{SOURCE}:msg/TFMessage.idl']
    include = [str(PREFIX / 'share' / name) for name in DEPENDENCIES]
    what = (PACKAGE, interface, include)
    described = generate_type_hashes(
        package_name=PACKAGE, interface_files=interface, include_paths=include, output_path=out / 'hash' / PACKAGE
    )
    GenerateC('c').generate(*what, out / 'c' / PACKAGE, type_description_files=described)
    GenerateCTypesupport('c', typesupport_implementations=list(IMPLEMENTATIONS)).generate(
        *what, out / 'typesupport_c' / PACKAGE
    )
    GenerateIntrospectionCTypesupport('introspection_c').generate(*what, out / 'introspection_c' / PACKAGE)
    GenerateFastRTPSCTypesupport('fastrtps_c').generate(*what, out / 'fastrtps_c' / PACKAGE)
    GeneratePython('py', typesupport_implementations=['rosidl_typesupport_c']).generate(*what, out / 'py' / PACKAGE)


def includes(generated: Path) -> list[str]:
    """Compiler flags for the headers of the generated code, the wheels, Python and numpy."""
    import numpy

    folders = [generated / name for name in ('c', 'fastrtps_c', 'introspection_c')]
    folders += [PREFIX / 'include', *(path for path in (PREFIX / 'include').iterdir() if path.is_dir())]
    folders += [Path(sysconfig.get_path('include')), Path(numpy.get_include())]
    return [f'-I{folder}' for folder in folders]


def compiler(language: str) -> str:
    """Return the C or C++ compiler: CC or CXX where set, else the first known name on PATH."""
    variable, names = {'c': ('CC', ('cc', 'gcc', 'clang')), 'c++': ('CXX', ('c++', 'g++', 'clang++'))}[language]
    chosen = [os.environ[variable]] if os.environ.get(variable) else [name for name in names if shutil.which(name)]
    if not chosen:
        raise SystemExit(f'no {language.upper()} compiler found on PATH')
    return chosen[0]


def link(output: Path, sources: list[Path], flags: list[str], libraries: tuple[str, ...]) -> None:
    """Compile ``sources`` into the shared library ``output``; the compiler's own words on failure."""
    output.parent.mkdir(parents=True, exist_ok=True)
    language = 'c++' if any(source.suffix == '.cpp' for source in sources) else 'c'
    standard = ['-std=c++17'] if language == 'c++' else ['-std=gnu11']
    search = [f'-L{output.parent}', f'-L{PREFIX / "lib"}', f'-Wl,-rpath-link,{PREFIX / "lib"}']
    command = [*compiler(language).split(), *standard, *FLAGS, *flags, '-o', str(output)]
    command += [str(source) for source in sources] + search + [f'-l{name}' for name in libraries]
    subprocess.run(command, check=True)


def build(generated: Path, out: Path) -> None:
    """Compile the libraries and the extension module, each against those before it."""
    flags, lib = includes(generated), out / 'lib'
    site = out / 'site' / PACKAGE
    detail = generated / 'c' / PACKAGE / 'msg' / 'detail'
    link(
        lib / f'lib{PACKAGE}__rosidl_generator_c.so',
        [detail / f'tf_message__{part}.c' for part in ('description', 'functions', 'type_support')],
        flags,
        ('geometry_msgs__rosidl_generator_c', 'std_msgs__rosidl_generator_c',
         'builtin_interfaces__rosidl_generator_c', 'rosidl_runtime_c', 'rcutils'),
    )
    link(
        lib / f'lib{PACKAGE}__rosidl_typesupport_fastrtps_c.so',
        [generated / 'fastrtps_c' / PACKAGE / 'msg' / 'detail' / 'tf_message__type_support_c.cpp'],
        flags,
        (f'{PACKAGE}__rosidl_generator_c', 'geometry_msgs__rosidl_typesupport_fastrtps_c',
         'geometry_msgs__rosidl_generator_c', 'rosidl_typesupport_fastrtps_c', 'rosidl_typesupport_fastrtps_cpp',
         'fastcdr', 'rosidl_runtime_c', 'rmw', 'rcutils'),
    )
    link(
        lib / f'lib{PACKAGE}__rosidl_typesupport_introspection_c.so',
        [generated / 'introspection_c' / PACKAGE / 'msg' / 'detail' / 'tf_message__type_support.c'],
        flags,
        (f'{PACKAGE}__rosidl_generator_c', 'geometry_msgs__rosidl_typesupport_introspection_c',
         'geometry_msgs__rosidl_generator_c', 'rosidl_typesupport_introspection_c', 'rosidl_runtime_c'),
    )
    link(
        lib / f'lib{PACKAGE}__rosidl_typesupport_c.so',
        [generated / 'typesupport_c' / PACKAGE / 'msg' / 'tf_message__type_support.cpp'],
        flags,
        (f'{PACKAGE}__rosidl_generator_c', 'rosidl_typesupport_c'),
    )
    python = generated / 'py' / PACKAGE
    # Python's own symbols come from the interpreter that loads the module, so they stay undefined here.
    undefined = [*flags, '-Wl,-z,lazy', '-Wl,--unresolved-symbols=ignore-all', f'-Wl,-rpath,{"$ORIGIN/../../.."}']
    module = f'{PACKAGE}_s__rosidl_typesupport_c{sysconfig.get_config_var("EXT_SUFFIX")}'
    link(
        lib / f'lib{PACKAGE}__rosidl_generator_py.so',
        [python / 'msg' / '_tf_message_s.c'],
        undefined,
        (f'{PACKAGE}__rosidl_generator_c', 'geometry_msgs__rosidl_generator_py', 'geometry_msgs__rosidl_generator_c'),
    )
    extension = out / 'lib' / module
    link(
        extension,
        [python / f'_{PACKAGE}_s.ep.rosidl_typesupport_c.c'],
        undefined,
        (f'{PACKAGE}__rosidl_generator_py', f'{PACKAGE}__rosidl_typesupport_c', f'{PACKAGE}__rosidl_generator_c'),
    )
    (site / 'msg').mkdir(parents=True)
    shutil.move(str(extension), site / module)
    shutil.copy(python / 'msg' / '__init__.py', site / 'msg')
    shutil.copy(python / 'msg' / '_tf_message.py', site / 'msg')
    (site / '__init__.py').touch()


def share(generated: Path, out: Path) -> None:
    """Lay out what bag tools and the ament index look for."""
    index = out / 'share' / 'ament_index' / 'resource_index'
    for kind, content in (('packages', ''), ('rosidl_interfaces', 'msg/TFMessage.idl\nmsg/TFMessage.msg\n')):
        (index / kind).mkdir(parents=True)
        (index / kind / PACKAGE).write_text(content)
    messages = out / 'share' / PACKAGE / 'msg'
    messages.mkdir(parents=True)
    shutil.copy(SOURCE / 'package.xml', messages.parent)
    for source in (SOURCE / 'msg').iterdir():
        shutil.copy(source, messages)
    shutil.copy(generated / 'hash' / PACKAGE / 'msg' / 'TFMessage.json', messages)


def main(out: Path) -> None:
    """Generate, compile and lay out below ``out``, which must not hold an earlier build."""
    generated = out / 'generated'
    generate(generated)
    build(generated, out)
    share(generated, out)
    shutil.rmtree(generated)


if __name__ == '__main__':
    main(Path(sys.argv[1]).resolve())
