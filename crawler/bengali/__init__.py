"""Bengali text: normal forms, language, joiners, dates."""
