#!/bin/bash
# Facsim on a Ray cluster inside one Slurm job: sbatch examples/cluster/slurm.sh
# A job that was killed at its time limit is submitted again: --resume continues it.
# Everything is on a disk that all nodes share: this folder with .venv, the data set, the runs.
#SBATCH --job-name=facsim
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-node=4
#SBATCH --time=08:00:00
#SBATCH --output=facsim-%j.log
set -euo pipefail

source .venv/bin/activate
export RAY_USAGE_STATS_ENABLED=0 RAY_ROTATION_MAX_BYTES=67108864 RAY_ROTATION_BACKUP_COUNT=1
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)

# Starts Ray on every node, runs the command on the first, and stops Ray when it ends.
srun ray symmetric-run --address "$head:6379" --min-nodes "$SLURM_JOB_NUM_NODES" \
  --num-cpus "$SLURM_CPUS_PER_TASK" --num-gpus "$SLURM_GPUS_ON_NODE" --disable-usage-stats -- \
  facsim evaluate data/shopcart local:runs/qwen/checkpoint --on "ray://$head:6379" --resume
