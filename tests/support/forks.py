"""Runs many commands of the program for the price of one start."""

# Each command runs in a child of one process that has loaded the program already.
FORKS = """
import json, os, pathlib, sys, traceback
import cosam_jax.main
for i, arguments in enumerate(json.loads(sys.argv[1])):
  child = os.fork()
  if child == 0:
    for stream, name in ((1, "out"), (2, "err")):
      os.dup2(os.open(f"{i}.{name}", os.O_CREAT | os.O_WRONLY), stream)
    sys.argv = ["cosam-jax", *arguments]
    try:
      cosam_jax.main.run()
    except SystemExit as end:
      sys.stdout.flush(), sys.stderr.flush()
      os._exit(end.code)  # Without the second that taking a process down takes.
    except BaseException:
      traceback.print_exc()
    os._exit(1)
  status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
  pathlib.Path(f"{i}.status").write_text(str(status))
"""
