from setuptools import setup

setup(cffi_modules=["build_lib.py:builder"])
