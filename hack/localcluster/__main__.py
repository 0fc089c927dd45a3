from localcluster.commandline import main

main()
