"""How close a population of simulated people is to real ones, and what a change of a site does to it."""

from facsim.fidelity.ab_report import ABPlan, ABReport
from facsim.fidelity.ab_run import ab_test, plan_ab_test
from facsim.fidelity.compare_populations import measure_fidelity
from facsim.fidelity.fidelity_report import FidelityReport, MeasureFidelity, PopulationFidelity
from facsim.fidelity.measures import MEASURES, Measure
from facsim.fidelity.paired_effects import ChangeEffect
from facsim.fidelity.reference_populations import markov_chain, uniform_walker
from facsim.fidelity.session_population import SessionPopulation

__all__ = [
    "MEASURES",
    "ABPlan",
    "ABReport",
    "ChangeEffect",
    "FidelityReport",
    "Measure",
    "MeasureFidelity",
    "PopulationFidelity",
    "SessionPopulation",
    "ab_test",
    "markov_chain",
    "measure_fidelity",
    "plan_ab_test",
    "uniform_walker",
]
