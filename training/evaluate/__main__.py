from training.evaluate.main import main

main()
